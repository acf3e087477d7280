"""The product: a tenant asks for a video, an upstream makes it, the seconds produced are charged."""
