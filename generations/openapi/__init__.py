"""The API's description, OpenAPI 3.1, built from the URL map, the catalog and one table of words."""
