"""The pages' functions: what each shows, and what its forms do. All of them block."""
