"""One controller a resource; handlers are ``list get create patch delete replace``."""
