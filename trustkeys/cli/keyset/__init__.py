"""trustkeys keyset: key sets in files."""
