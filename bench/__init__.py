"""What is measured, against what bound or peer."""
