"""What people may change, and how: the functions behind the management API and the command line.

Each takes the `Desk` at which it happens, checks what it was given, and writes the change and its audit row in one
transaction. Forms (`forms`) are what is asked, views (`views`) what is shown; neither ever holds a hash or a secret.
A field of an edit that is not named is not touched.
"""
