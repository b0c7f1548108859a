"""What the cloud would have done: each stand-in is one small thing with a name, and they work in turns."""
