//! What clients prove, and by what: assertions, certificates, the keys to which tokens are bound, and that
//! nothing is used twice.

pub mod assertion;
pub mod certificate;
pub mod confirmation;
pub mod replay;
