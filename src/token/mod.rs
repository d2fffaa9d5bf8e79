//! Tokens: how they are issued, and how access tokens are read.

pub mod access_token;
pub mod issue;
