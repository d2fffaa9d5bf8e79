//! Which family it is, and which object stores it.

use sha2::{Digest, Sha256};

use crate::name::RealmName;

/// Which family: not a secret, tokens tell it. Its last four octets are a [`tag`].
pub type FamilyId = crate::uuid::Uuid;

/// The name of the object that stores a family: one a family, and of a realm alone. The tag is not in it.
#[must_use]
pub fn object_name(realm: &RealmName, family: FamilyId) -> String {
    let mut name = format!("{realm}/{family}");
    name.truncate(name.len().saturating_sub(8));
    name
}

/// The tag of a family by the [id of its object](crate::store::Store::object_id). So forged codes
/// and refresh tokens are rejected without a lookup, and nothing is stored for them. It is no proof.
#[must_use]
pub fn tag(object_id: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(object_id));
    [a, b, c, d]
}
