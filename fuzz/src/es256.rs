//! Signing and verifying, beside the crate `p256`, which does the same without the multiplications that are
//! ours.

use edge_token::jose::es256::{self, Es256};
use edge_token::jose::fixed_base;
use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::point::AffineCoordinates;

use super::taken;

/// A scalar, and a message after it. The multiple of the generator, by its `x`, and the signature are the
/// crate's, and it holds; one that the message begins with does if it does for the crate.
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
    let own = Es256.sign(&key, message);
    assert_eq!(*own.as_bytes(), *signature.to_bytes());
    assert!(Es256.verify_signature(&own, key.verifying_key(), message));
    let Some((other, message)) = message.split_first_chunk::<64>() else {
        return;
    };
    if let (Ok(own), Ok(other)) = (
        es256::Signature::try_from_slice(other),
        Signature::from_slice(other),
    ) {
        let holds = key.verifying_key().verify(message, &other).is_ok();
        assert_eq!(
            Es256.verify_signature(&own, key.verifying_key(), message),
            holds
        );
    }
}
