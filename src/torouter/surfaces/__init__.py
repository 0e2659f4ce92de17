"""What clients call: paths, credentials, model lists, and errors in the dialect that was spoken. No SQL, no vendors."""
