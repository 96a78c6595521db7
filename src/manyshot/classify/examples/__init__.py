"""The examples of a user: read from folders, zips, tables and arrays, and listed."""
