"""The REST API: Pecan finds the handler, WSME types validate what comes in, compiled renderers write what goes out."""
