//! P4: the module `jose::es256` as it would be with jwt-compact's own ES256: that does not compile by itself,
//! so what it does stands here, with the p256 0.13 on which it stands. build.sh puts this file in the place of
//! the other, in a copy of the sources.

use std::borrow::Cow;
use std::cell::RefCell;
use std::num::NonZeroUsize;

use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::ecdsa::signature::Verifier as _;
use p256_0_13::ecdsa::signature::Signer as _;
use p256_0_13::ecdsa::{Signature as TheirSignature, SigningKey as TheirKey};

pub const NAME: &str = "ES256";

#[derive(Clone, Copy, Debug)]
pub struct Es256;

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

thread_local! {
    /// Keys that were read before, as they would be held by who uses p256 0.13 alone.
    static KEYS: RefCell<Vec<([u8; 32], TheirKey)>> = const { RefCell::new(Vec::new()) };
}

impl Algorithm for Es256 {
    type SigningKey = p256::ecdsa::SigningKey;
    type VerifyingKey = p256::ecdsa::VerifyingKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(NAME)
    }

    fn sign(&self, key: &Self::SigningKey, message: &[u8]) -> Signature {
        let octets = <[u8; 32]>::from(key.to_bytes());
        KEYS.with_borrow_mut(|keys| {
            if !keys.iter().any(|(known, _)| *known == octets) {
                keys.push((octets, TheirKey::from_slice(&octets).unwrap()));
            }
            let (_, key) = keys.iter().find(|(known, _)| *known == octets).unwrap();
            let signature: TheirSignature = key.sign(message);
            Signature(p256::ecdsa::Signature::from_slice(&signature.to_bytes()).unwrap())
        })
    }

    fn verify_signature(
        &self,
        signature: &Signature,
        key: &Self::VerifyingKey,
        message: &[u8],
    ) -> bool {
        key.verify(message, &signature.0).is_ok()
    }
}
