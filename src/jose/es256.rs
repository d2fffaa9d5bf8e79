//! ES256, ECDSA over P-256 with SHA-256 (RFC 7518 §3.4), as an [`Algorithm`] of jwt-compact.
//!
//! jwt-compact's own ES256 stands on p256 0.13, this one on p256 0.14. Signing is deterministic (RFC 6979).
//! With the feature `fixed-base` its multiplications of points are [`fixed_base`](super::fixed_base)'s.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use jwt_compact::{Algorithm, AlgorithmSignature};

/// The algorithm's name in a JOSE header.
pub const NAME: &str = "ES256";

/// The algorithm ES256.
#[derive(Clone, Copy, Debug)]
pub struct Es256;

/// A signature: R and S, 32 octets each, big-endian (RFC 7518 §3.4).
#[derive(Clone, Debug)]
pub struct Signature(p256::ecdsa::Signature);

impl AlgorithmSignature for Signature {
    const LENGTH: Option<NonZeroUsize> = NonZeroUsize::new(64);

    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(p256::ecdsa::Signature::from_slice(slice)?))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.to_bytes().to_vec())
    }
}

impl Algorithm for Es256 {
    type SigningKey = p256::ecdsa::SigningKey;
    type VerifyingKey = p256::ecdsa::VerifyingKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(NAME)
    }

    fn sign(&self, key: &Self::SigningKey, message: &[u8]) -> Signature {
        Signature(sign(key, message))
    }

    fn verify_signature(
        &self,
        signature: &Signature,
        key: &Self::VerifyingKey,
        message: &[u8],
    ) -> bool {
        verify(key, message, &signature.0)
    }
}

#[cfg(not(feature = "fixed-base"))]
fn sign(key: &p256::ecdsa::SigningKey, message: &[u8]) -> p256::ecdsa::Signature {
    p256::ecdsa::signature::Signer::sign(key, message)
}

#[cfg(not(feature = "fixed-base"))]
fn verify(
    key: &p256::ecdsa::VerifyingKey,
    message: &[u8],
    signature: &p256::ecdsa::Signature,
) -> bool {
    p256::ecdsa::signature::Verifier::verify(key, message, signature).is_ok()
}

/// ECDSA (FIPS 186-5 §6.4.1) with the nonces of RFC 6979 §3.2, as the crate does it.
#[cfg(feature = "fixed-base")]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "scalars wrap around at the order"
)]
fn sign(key: &p256::ecdsa::SigningKey, message: &[u8]) -> p256::ecdsa::Signature {
    use p256::elliptic_curve::Curve as _;
    use p256::elliptic_curve::ops::{Invert as _, Reduce as _};
    use p256::{FieldBytes, NistP256, NonZeroScalar, Scalar, U256};
    use sha2::{Digest as _, Sha256};
    use zeroize::Zeroizing;

    let digest = Sha256::digest(message);
    let d = key.as_nonzero_scalar();
    let octets = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    let order = &NistP256::ORDER;
    let mut nonces = rfc6979::KGenerator::<Sha256, U256>::new(&*octets, &digest, &[], order);
    loop {
        let mut k = Zeroizing::new([0; 32]);
        nonces.fill_next_k(&mut *k);
        let x = super::fixed_base::multiply(&k);
        let r = Scalar::reduce(&FieldBytes::from(x));
        // But for one nonce in 2^255 it is a scalar, and neither r nor s is 0.
        let k = NonZeroScalar::from_repr((*k).into()).into_option();
        let Some(k) = k.map(Zeroizing::new) else {
            continue;
        };
        let inverse = Zeroizing::new(k.invert());
        let s = **inverse * (Scalar::reduce(&digest) + r * **d);
        if let Ok(signature) = p256::ecdsa::Signature::from_scalars(r, s) {
            return signature;
        }
    }
}

/// Verification (FIPS 186-5 §6.4.2); neither the crate's signatures nor its keys can be out of range.
#[cfg(feature = "fixed-base")]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "scalars wrap around at the order"
)]
fn verify(
    key: &p256::ecdsa::VerifyingKey,
    message: &[u8],
    signature: &p256::ecdsa::Signature,
) -> bool {
    use p256::elliptic_curve::ops::{Invert as _, Reduce as _};
    use p256::elliptic_curve::point::AffineCoordinates as _;
    use p256::{FieldBytes, Scalar};
    use sha2::{Digest as _, Sha256};

    let (r, s) = signature.split_scalars();
    let inverse = s.invert();
    let u = Scalar::reduce(&Sha256::digest(message)) * *inverse;
    let v = *r * *inverse;
    let q = key.as_affine();
    let q = [q.x(), q.y()].map(<[u8; 32]>::from);
    let x = super::fixed_base::multiply_add(&u.to_bytes().into(), &v.to_bytes().into(), &q);
    x.is_some_and(|x| Scalar::reduce(&FieldBytes::from(x)) == *r)
}
