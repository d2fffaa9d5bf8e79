//! Nothing is here: this package exists for its lock file.
