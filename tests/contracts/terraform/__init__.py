"""The AWS half of the program, judged by HashiCorp's own AWS provider.

The program runs under Pulumi's mocks, whose outputs are Terraform references; what it declares is written as Terraform
JSON; the real provider validates and plans it, applies it to moto, plans again and destroys.
"""
