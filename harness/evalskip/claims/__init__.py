"""The article's claims: what each says, and how it is judged. One file per claim."""
