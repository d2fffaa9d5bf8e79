//! Signing, beside the crate `p256`, which does the same without the multiplication that is ours.

use edge_token::jose::es256::Es256;
use edge_token::jose::fixed_base;
use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::point::AffineCoordinates;

use super::taken;

/// A scalar, and a message after it. The multiple of the generator, by its `x`, and the signature are the
/// crate's.
pub fn es256(data: &[u8]) {
    let Some((k, message)) = data.split_first_chunk() else {
        return;
    };
    let key = SigningKey::from_slice(k);
    taken(key.is_ok());
    let Ok(key) = key else { return };
    let point = key.verifying_key().as_affine();
    assert_eq!(fixed_base::multiply(k), <[u8; 32]>::from(point.x()));
    let signature: Signature = key.sign(message);
    assert_eq!(*Es256.sign(&key, message).as_bytes(), *signature.to_bytes());
}
