//! The translation layer.
