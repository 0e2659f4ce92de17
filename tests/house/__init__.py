"""What is true of the project as a whole: imports, names, documents, the wheel, a fresh clone."""
