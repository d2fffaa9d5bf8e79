//! Elements of the field of P-256, for [`multiply`](super::multiply).
//!
//! An element has nine limbs of 29 bits with signs, so that a product's columns fit 64 bits, which wasm
//! multiplies in one instruction. It is in Montgomery form with `R = 2^261`:
//! `p = 2^256 - 2^224 + 2^192 + 2^96 - 1` is `-1` modulo `2^96`, so the multiple of `p` that clears a
//! limb is that limb, and to add it takes four shifts and no multiplication.
//!
//! # Bounds
//!
//! What every operation but [`Field::reduced`] takes and leaves: a value in `0..2^257`, limbs 0 to 7 in
//! `-2^22..2^29 + 2^25`, limb 8 in `0..2^25`.
//!
//! - A product's column has at most nine products of limbs, each below `2^58.2`, so below `2^61.4` in
//!   magnitude. Four terms of multiples of `p` and a carry are added, together below `2^54`. An `i64` holds that.
//! - A product is `(a·b + m·p) / R` with `a·b < 2^514` and `m < R`: less than `2^253 + p`, which is less
//!   than `2p` and than `2^257`. Its limbs are carried, so limbs 0 to 7 are in `0..2^29`.
//! - A sum is below `2^258`. A difference has `4p` added, which is more than `2^257`, so it is in
//!   `0..6·2^256`. Limbs of both fit an `i32`, as each of the terms is below `2^30` in magnitude.
//! - [`Field::carried`] takes such a value and takes off `q·p` for the bits `q` from 256 on, at most 5:
//!   what is below `2^256` stays, and `q·(2^224 - 2^192 - 2^96 + 1)` is added. So four limbs change, by
//!   less than `2^24` up and `2^21` down, and the value is below `2^256 + 5·2^224`.
//!
//! The columns of a product are not written over when it is done: they are locals of the function, which
//! the compilers keep in registers and in its own frame.

use std::cmp::Ordering;
use std::hint::black_box;

use zeroize::Zeroize;

const LIMBS: usize = 9;
const LIMB_BITS: usize = 29;
const LIMB_MASK: i64 = (1 << LIMB_BITS) - 1;
/// From which bit of the last limb on a value is `2^256` or more.
const LAST_BITS: usize = 24;

/// How many words of 64 bits a number has.
pub(super) const WORDS: usize = 4;

/// The statements once for each of the numbers: a loop that no optimiser has to unroll, with indices
/// that are constants.
macro_rules! each {
    ($at:ident of [$($number:literal)*] $statements:block) => {
        $({
            const $at: usize = $number;
            $statements
        })*
    };
}

/// The limb `column - at`, or 0 if there is none.
#[inline(always)]
fn at(limbs: &[i64; LIMBS], column: usize, at: usize) -> i64 {
    limbs.get(column.wrapping_sub(at)).copied().unwrap_or(0)
}

/// A product divided by `R`, of which the statements add up each column: from below, each of the first nine
/// is cleared by a multiple of `p`, whose other terms fall into columns above.
macro_rules! product {
    ($column:ident, $statements:block) => {{
        let mut multiples = [0; LIMBS];
        let mut limbs = [0; LIMBS];
        let mut carry = 0;
        each!(COLUMN of [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16] {
            let mut $column = 0_i64;
            $statements
            $column += at(&multiples, COLUMN, 3) << 9;
            $column += at(&multiples, COLUMN, 6) << 18;
            $column -= at(&multiples, COLUMN, 7) << 21;
            $column += at(&multiples, COLUMN, 8) << 24;
            // Last, so that all else of a column need not wait for those below.
            $column += carry;
            carry = $column >> LIMB_BITS;
            let limb = $column & LIMB_MASK;
            if let Some(multiple) = multiples.get_mut(COLUMN) {
                *multiple = limb;
            }
            if let Some(place) = limbs.get_mut(COLUMN.wrapping_sub(LIMBS)) {
                *place = limb as i32;
            }
        });
        limbs[LIMBS - 1] = carry as i32;
        Self(limbs)
    }};
}

/// An element, in Montgomery form. It is written over when it is dropped.
#[derive(Clone, Default)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Field([i32; LIMBS]);

impl Drop for Field {
    fn drop(&mut self) {
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            self.0[AT].zeroize();
        });
    }
}

impl Field {
    /// 1, which is `R mod p`.
    pub(super) const ONE: Self = Self([
        32,
        0,
        0,
        536_854_528,
        536_870_911,
        536_870_911,
        528_482_303,
        67_108_863,
        0,
    ]);

    /// `R^2 mod p`: a product with it brings a number into Montgomery form.
    const R_SQUARED: Self = Self([
        3072,
        0,
        536_805_376,
        534_773_759,
        532_676_607,
        536_870_911,
        536_870_911,
        536_870_910,
        19,
    ]);

    /// The number 1: a product with it brings an element out of Montgomery form.
    const UNIT: Self = Self([1, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// `p` as plain limbs.
    const P: [i32; LIMBS] = [
        536_870_911,
        536_870_911,
        536_870_911,
        511,
        0,
        0,
        262_144,
        534_773_760,
        16_777_215,
    ];

    /// `4p` as plain limbs.
    const FOUR_P: [i32; LIMBS] = [
        536_870_908,
        536_870_911,
        536_870_911,
        2047,
        0,
        0,
        1_048_576,
        528_482_304,
        67_108_863,
    ];

    /// The element that a number below `2^256` stands for, big-endian.
    pub(super) fn of_bytes(bytes: &[u8; 32]) -> Self {
        let octets = |word| std::array::from_fn(|at| bytes[(WORDS - 1 - word) * 8 + at]);
        let words = std::array::from_fn::<_, WORDS, _>(|word| u64::from_be_bytes(octets(word)));
        Self::of_words(&words).times(&Self::R_SQUARED)
    }

    /// The number below `p` that it stands for, big-endian.
    pub(super) fn to_bytes(&self) -> [u8; 32] {
        let words = self.times(&Self::UNIT).reduced().to_words();
        std::array::from_fn(|at| words[WORDS - 1 - at / 8].to_be_bytes()[at % 8])
    }

    /// The limbs of a number below `2^256`, whose words come the least first.
    pub(super) fn of_words(words: &[u64; WORDS]) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            let (word, shift) = (AT * LIMB_BITS / 64, AT * LIMB_BITS % 64);
            let next = words.get(word + 1).map_or(0, |next| next << 1 << (63 - shift));
            limbs[AT] = ((words[word] >> shift | next) as i64 & LIMB_MASK) as i32;
        });
        Self(limbs)
    }

    /// The words of limbs as [`Self::reduced`] leaves them.
    pub(super) fn to_words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        for (limb, at) in self.0.iter().zip((0..).step_by(LIMB_BITS)) {
            let limb = u128::from(*limb as u32) << (at % 64);
            words[at / 64] |= limb as u64;
            if let Some(next) = words.get_mut(at / 64 + 1) {
                *next |= (limb >> 64) as u64;
            }
        }
        words
    }

    #[inline(never)]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = self.0[AT] + other.0[AT];
        });
        Self::carried(limbs)
    }

    #[inline(never)]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = self.0[AT] + Self::FOUR_P[AT] - other.0[AT];
        });
        Self::carried(limbs)
    }

    /// Carries limbs, and takes off as many `p` as there are of `2^256`.
    fn carried(mut limbs: [i32; LIMBS]) -> Self {
        each!(AT of [0 1 2 3 4 5 6 7] {
            limbs[AT + 1] += limbs[AT] >> LIMB_BITS;
            limbs[AT] &= LIMB_MASK as i32;
        });
        let above = limbs[8] >> LAST_BITS;
        limbs[8] &= (1 << LAST_BITS) - 1;
        limbs[0] += above;
        limbs[3] -= above << 9;
        limbs[6] -= above << 18;
        limbs[7] += above << 21;
        Self(limbs)
    }

    #[inline(always)]
    fn wide(&self) -> [i64; LIMBS] {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = i64::from(self.0[AT]);
        });
        limbs
    }

    #[inline(never)]
    pub(super) fn times(&self, other: &Self) -> Self {
        let (a, b) = (self.wide(), other.wide());
        product!(column, {
            each!(AT of [0 1 2 3 4 5 6 7 8] {
                column += a[AT] * at(&b, COLUMN, AT);
            });
        })
    }

    #[inline(never)]
    pub(super) fn square(&self) -> Self {
        let (a, mut doubled) = (self.wide(), [0; LIMBS]);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            doubled[AT] = 2 * a[AT];
        });
        product!(column, {
            each!(AT of [0 1 2 3 4 5 6 7 8] {
                column += match (2 * AT).cmp(&COLUMN) {
                    Ordering::Less => a[AT] * at(&doubled, COLUMN, AT),
                    Ordering::Equal => a[AT] * a[AT],
                    Ordering::Greater => 0,
                };
            });
        })
    }

    /// The same below `p` and with plain limbs, of a product.
    pub(super) fn reduced(&self) -> Self {
        let mut less = Self(self.0);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            less.0[AT] -= Self::P[AT];
        });
        each!(AT of [0 1 2 3 4 5 6 7] {
            less.0[AT + 1] += less.0[AT] >> LIMB_BITS;
            less.0[AT] &= LIMB_MASK as i32;
        });
        let is_below = less.0[8] >> 31;
        less.replace_if(black_box(is_below), self);
        less
    }

    /// The inverse, by Fermat: the power `p - 2`, whose bits are public.
    #[inline(never)]
    pub(super) fn inverse(&self) -> Self {
        // The powers `2^i - 1`.
        let ones_2 = self.squared(1).times(self);
        let ones_4 = ones_2.squared(2).times(&ones_2);
        let ones_6 = ones_4.squared(2).times(&ones_2);
        let ones_8 = ones_4.squared(4).times(&ones_4);
        let ones_14 = ones_8.squared(6).times(&ones_6);
        let ones_16 = ones_8.squared(8).times(&ones_8);
        let ones_30 = ones_16.squared(14).times(&ones_14);
        let ones_32 = ones_16.squared(16).times(&ones_16);
        // ffffffff 00000001 00000000 00000000 00000000 ffffffff ffffffff fffffffd.
        let power = ones_32.squared(32).times(self);
        let power = power.squared(128).times(&ones_32);
        let power = power.squared(32).times(&ones_32);
        let power = power.squared(30).times(&ones_30);
        power.squared(2).times(self)
    }

    /// The power `2^times`.
    #[inline(never)]
    fn squared(&self, times: u32) -> Self {
        let mut power = self.clone();
        for _ in 0..times {
            power = power.square();
        }
        power
    }

    /// Becomes the other where the mask is all ones, and stays where it is 0.
    pub(super) fn replace_if(&mut self, mask: i32, other: &Self) {
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            self.0[AT] ^= (self.0[AT] ^ other.0[AT]) & mask;
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use p256::NistP256;
    use p256::elliptic_curve::PrimeField as _;
    use p256::elliptic_curve::hazmat::FieldArithmetic;
    use proptest::prelude::*;

    use super::*;

    type Element = <NistP256 as FieldArithmetic>::FieldElement;

    /// Elements whose limbs are where the bounds are.
    pub(in super::super) fn limits() -> [Field; 5] {
        let limbs = |low, high| Field(std::array::from_fn(|at| if at < 8 { low } else { high }));
        let most = (1 << 29) + (1 << 25) - 1;
        [
            Field::default(),
            Field::ONE,
            limbs(most, (1 << 25) - 2),
            limbs(-(1 << 22), (1 << 25) - 1),
            limbs(-(1 << 22), 1),
        ]
    }

    /// The same element in the crate's hands.
    fn of(field: &Field) -> Element {
        Option::from(Element::from_repr(field.to_bytes().into())).unwrap()
    }

    /// Whether it is in the bounds that are written above.
    fn is_bounded(field: &Field) -> bool {
        let (last, others) = field.0.split_last().unwrap();
        (0..1 << 25).contains(last)
            && others
                .iter()
                .all(|limb| (-(1 << 22)..(1 << 29) + (1 << 25)).contains(limb))
    }

    fn check(a: &Field, b: &Field) {
        let cases = [
            ("sum", a.plus(b), of(a) + of(b)),
            ("difference", a.minus(b), of(a) - of(b)),
            ("product", a.times(b), of(a) * of(b)),
            ("square", a.square(), of(a) * of(a)),
            (
                "inverse",
                a.inverse(),
                of(a).invert().unwrap_or(Element::ZERO),
            ),
        ];
        for (name, made, expected) in cases {
            assert!(is_bounded(&made), "{name} of {a:?} and {b:?}: {made:?}");
            assert_eq!(of(&made), expected, "{name} of {a:?} and {b:?}");
        }
    }

    #[test]
    fn arithmetic_at_the_bounds_is_the_crates() {
        for a in limits() {
            for b in limits() {
                check(&a, &b);
            }
        }
    }

    #[test]
    fn numbers_from_the_prime_on_are_reduced() {
        let prime = Field(Field::P);
        assert_eq!(prime.times(&Field::UNIT).reduced().0, [0; LIMBS]);
        assert_eq!(prime.to_bytes(), [0; 32]);
    }

    proptest! {
        #[test]
        fn arithmetic_is_the_crates(
            low in prop::array::uniform8(-(1 << 22)..(1 << 29) + (1 << 25)), high in 1..(1 << 25) - 1,
            other_low in prop::array::uniform8(-(1 << 22)..(1 << 29) + (1 << 25)), other_high in 1..(1 << 25) - 1,
        ) {
            let field = |low: [i32; 8], high| Field(std::array::from_fn(|at| *low.get(at).unwrap_or(&high)));
            check(&field(low, high), &field(other_low, other_high));
        }

        #[test]
        fn a_number_is_read_as_it_is_written(octets: [u8; 32]) {
            let read = Field::of_bytes(&octets);
            let number = Element::from_repr(octets.into()).into_option();
            if let Some(number) = number {
                prop_assert_eq!(of(&read), number);
                prop_assert_eq!(Field::of_words(&read.reduced().to_words()).to_bytes(), octets);
            }
        }
    }
}
