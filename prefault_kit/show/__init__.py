"""Results as text, tables, pictures and charts; nothing here runs anything."""
