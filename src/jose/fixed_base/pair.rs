//! Two words of 64 bits at once, for the look-up of points: a `v128` in wasm, and an array elsewhere.
//!
//! No memory is addressed here and nothing is compared but for masks: all is bitwise.

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::Pair;
#[cfg(target_arch = "wasm32")]
pub(super) use simd::Pair;

#[cfg(target_arch = "wasm32")]
mod simd {
    use std::arch::wasm32::{
        i32x4_eq, u32x4_splat, u64x2, u64x2_extract_lane, v128, v128_and, v128_or,
    };
    use std::hint::black_box;

    #[derive(Clone, Copy)]
    pub(in super::super) struct Pair(v128);

    impl Pair {
        pub(in super::super) const ZERO: Self = Self(u64x2(0, 0));

        pub(in super::super) fn of([one, other]: [u64; 2]) -> Self {
            Self(u64x2(one, other))
        }

        /// The number, to be compared; no compiler knows it from here on.
        #[target_feature(enable = "simd128")]
        pub(in super::super) fn of_index(index: u32) -> Self {
            Self(black_box(u32x4_splat(index)))
        }

        /// All ones if it is of that number, else 0.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub(in super::super) fn is_of(self, index: u32) -> Self {
            Self(i32x4_eq(self.0, u32x4_splat(index)))
        }

        /// Takes the bits of the other that are in the mask, where it has none.
        #[inline]
        #[target_feature(enable = "simd128")]
        pub(in super::super) fn take_if(&mut self, mask: Self, other: Self) {
            self.0 = v128_or(self.0, v128_and(other.0, mask.0));
        }

        #[inline]
        #[target_feature(enable = "simd128")]
        pub(in super::super) fn words(self) -> [u64; 2] {
            [
                u64x2_extract_lane::<0>(self.0),
                u64x2_extract_lane::<1>(self.0),
            ]
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::hint::black_box;

    #[derive(Clone, Copy)]
    pub(in super::super) struct Pair([u64; 2]);

    impl Pair {
        pub(in super::super) const ZERO: Self = Self([0; 2]);

        pub(in super::super) fn of(words: [u64; 2]) -> Self {
            Self(words)
        }

        /// The number, to be compared.
        pub(in super::super) fn of_index(index: u32) -> Self {
            Self([index.into(); 2])
        }

        /// All ones if it is of that number, else 0; no compiler knows which.
        #[inline]
        pub(in super::super) fn is_of(self, index: u32) -> Self {
            let [difference, _] = self.0.map(|number| number ^ u64::from(index));
            let differs = (difference | difference.wrapping_neg()) >> 63;
            Self([black_box(differs.wrapping_sub(1)); 2])
        }

        /// Takes the bits of the other that are in the mask, where it has none.
        #[inline]
        pub(in super::super) fn take_if(&mut self, mask: Self, other: Self) {
            self.0[0] |= other.0[0] & mask.0[0];
            self.0[1] |= other.0[1] & mask.0[1];
        }

        pub(in super::super) fn words(self) -> [u64; 2] {
            self.0
        }
    }
}
