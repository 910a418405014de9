"""What the API answers and takes, field by field; the texts are those of the schema."""
