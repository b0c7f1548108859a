"""The policy pack: what no stack may do, checked before it can happen. Imports no sibling."""
