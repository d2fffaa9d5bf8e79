//! Elements of the field of P-256, for [`multiply`](super::multiply) and [`multiply_add`](super::multiply_add).
//!
//! An element has nine limbs of 29 bits with signs, so that a product's columns fit 64 bits, which wasm
//! multiplies in one instruction. It is in Montgomery form with `R = 2^261`:
//! `p = 2^256 - 2^224 + 2^192 + 2^96 - 1` is `-1` modulo `2^96`, so the multiple of `p` that clears a
//! limb is that limb, and to add it takes four shifts and no multiplication.
//!
//! # Bounds
//!
//! `R` is 32 times `2^256`, so products make values small again, and sums and differences are neither
//! carried nor reduced. In units of `2^256`:
//!
//! - Products take values within ±7, limbs 0 to 7 within `±(2^29 - 1)`, and so limb 8 within `±2^27`.
//! - A column has at most nine products of limbs, or 18 in [`Field::times_less`], each below `2^58`, so below
//!   `2^62.2` in magnitude. What is taken off is below `2^31`, and four terms of multiples of `p` and a carry
//!   are together below `2^54`. An `i64` holds that.
//! - A product of values `a` and `b` is `(a·b·2^256 + m·p) / R` with `0 <= m < R`, so in
//!   `a·b/32..a·b/32 + 1`. Its limbs are carried: limbs 0 to 7 are in `0..2^29`.
//! - So differences of two products, or of elements of the table, have limbs 0 to 7 within `±(2^29 - 1)`, and
//!   products take them. Only [`Field::square_less`] takes off a sum of three.
//!
//! Values are told beside what computes with them, [`super::Sum::add`] and [`super::Sum::double`].
//!
//! The columns of a product are not written over when it is done: they are locals of the function, which
//! the compilers keep in registers and in its own frame.

use std::cmp::Ordering;
use std::hint::black_box;

use zeroize::{Zeroize, Zeroizing};

const LIMBS: usize = 9;
const LIMB_BITS: usize = 29;
const LIMB_MASK: i64 = (1 << LIMB_BITS) - 1;
/// How many batches of divisions an inverse takes: 590 divisions are enough for numbers of 256 bits
/// (Wuille 2021, safegcd-bounds), and these are 609.
const BATCHES: usize = 21;

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
/// is cleared by a multiple of `p`, whose other terms fall into columns above. Then limbs are taken off.
macro_rules! product {
    ($column:ident, $less:expr, $statements:block) => {{
        let less: [i32; LIMBS] = $less;
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
            if let Some(limb) = less.get(COLUMN.wrapping_sub(LIMBS)) {
                $column -= i64::from(*limb);
            }
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
        limbs[LIMBS - 1] = carry as i32 - less[LIMBS - 1];
        Self(limbs)
    }};
}

/// An element, in Montgomery form. It is written over when it is dropped.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Field([i32; LIMBS]);

impl Drop for Field {
    fn drop(&mut self) {
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            self.0[AT].zeroize();
        });
    }
}

/// 0, of which no copy has to be made.
static ZERO: Field = Field([0; LIMBS]);

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

    /// The sum, limb by limb.
    #[inline(always)]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = self.0[AT] + other.0[AT];
        });
        Self(limbs)
    }

    /// The difference, limb by limb.
    #[inline(always)]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = self.0[AT] - other.0[AT];
        });
        Self(limbs)
    }

    /// A small multiple, whose limbs are carried as a product's are.
    #[inline(always)]
    pub(super) fn multiple(&self, by: i32) -> Self {
        let mut limbs = [0; LIMBS];
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            limbs[AT] = self.0[AT] * by;
        });
        let mut multiple = Self(limbs);
        multiple.carry();
        multiple
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
        product!(column, [0; LIMBS], {
            each!(AT of [0 1 2 3 4 5 6 7 8] {
                column += a[AT] * at(&b, COLUMN, AT);
            });
        })
    }

    /// Its product with `by`, less that of two others.
    #[inline(never)]
    pub(super) fn times_less(&self, by: &Self, other: &Self, other_by: &Self) -> Self {
        let (a, b, c, d) = (self.wide(), by.wide(), other.wide(), other_by.wide());
        product!(column, [0; LIMBS], {
            each!(AT of [0 1 2 3 4 5 6 7 8] {
                column += a[AT] * at(&b, COLUMN, AT);
                column -= c[AT] * at(&d, COLUMN, AT);
            });
        })
    }

    pub(super) fn square(&self) -> Self {
        self.square_less(&ZERO)
    }

    /// Its square less another.
    #[inline(never)]
    pub(super) fn square_less(&self, less: &Self) -> Self {
        let (a, mut doubled) = (self.wide(), [0; LIMBS]);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            doubled[AT] = 2 * a[AT];
        });
        product!(column, less.0, {
            each!(AT of [0 1 2 3 4 5 6 7 8] {
                column += match (2 * AT).cmp(&COLUMN) {
                    Ordering::Less => a[AT] * at(&doubled, COLUMN, AT),
                    Ordering::Equal => a[AT] * a[AT],
                    Ordering::Greater => 0,
                };
            });
        })
    }

    /// The same in `0..p` and with plain limbs, of a product in `-p..2p`.
    pub(super) fn reduced(&self) -> Self {
        let mut more = Self(self.0);
        let is_negative = black_box(self.0[LIMBS - 1] >> 31);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            more.0[AT] += Self::P[AT] & is_negative;
        });
        more.carry();
        let mut less = Self(more.0);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            less.0[AT] -= Self::P[AT];
        });
        less.carry();
        let is_below = black_box(less.0[LIMBS - 1] >> 31);
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            less.0[AT] ^= (less.0[AT] ^ more.0[AT]) & is_below;
        });
        less
    }

    /// Whether it is 0, in a time that may tell.
    pub(super) fn is_zero(&self) -> bool {
        self.to_bytes() == [0; 32]
    }

    fn carry(&mut self) {
        each!(AT of [0 1 2 3 4 5 6 7] {
            self.0[AT + 1] += self.0[AT] >> LIMB_BITS;
            self.0[AT] &= LIMB_MASK as i32;
        });
    }

    /// The inverse, and 0 of 0, by a number of divisions that is always the same (Bernstein, Yang 2019: "Fast
    /// constant-time gcd computation and modular inversion", with `delta` from 1/2 on).
    ///
    /// `f` and `g` stay within `±p`, and in the end `f` is 1 or -1 and `g` 0. Modulo `p`, `f` is the number
    /// times `d` and `g` the number times `e`.
    #[inline(never)]
    pub(super) fn inverse(&self) -> Self {
        let (mut f, mut g) = (Self(Self::P), self.times(&Self::UNIT).reduced());
        let (mut d, mut e) = (ZERO.clone(), Self::UNIT);
        let mut zeta = Zeroizing::new(-1);
        for _ in 0..BATCHES {
            let matrix = Zeroizing::new(divisions(&mut zeta, f.0[0], g.0[0]));
            Self::transform(&mut f, &mut g, &matrix, 0);
            Self::transform(&mut d, &mut e, &matrix, -1);
        }
        d.negate_if(black_box(f.0[LIMBS - 1] >> 31));
        // From the inverse of the number, in -2p..2p, to the element that it stands for.
        d.times(&Self::R_SQUARED)
    }

    /// Applies the matrix of a batch to two numbers, divided by `2^29`: `f` and `g`, which it makes multiples
    /// of `2^29`, or, modulo `p`, `d` and `e`.
    ///
    /// `d` and `e` stay in `-2p..p`: those below 0 have `p` added, so that all are within `±p`, and so their
    /// sum by a row of the matrix within `±2^29·p`. The multiple of `p` that clears the lowest limb is taken
    /// off, which is less than `2^29·p`, and `2^29` divides what is left. Multiples are within `±2^30`, so a
    /// column is below `2^60` in magnitude.
    #[inline(never)]
    fn transform(a: &mut Self, b: &mut Self, matrix: &[[i64; 2]; 2], is_modular: i64) {
        let is_negative =
            [&*a, &*b].map(|number| i64::from(black_box(number.0[LIMBS - 1] >> 31)) & is_modular);
        let lowest = [i64::from(a.0[0]), i64::from(b.0[0])];
        let multiple = |[u, v]: [i64; 2]| {
            let added = (u & is_negative[0]) + (v & is_negative[1]);
            // Modulo 2^29, p is -1.
            added - ((added - (u * lowest[0] + v * lowest[1])) & LIMB_MASK)
        };
        let [[u, v], [q, r]] = *matrix;
        let (m, n) = (multiple([u, v]), multiple([q, r]));
        let (mut of_a, mut of_b) = (0, 0);
        for at in 0..LIMBS {
            let (x, y, p) = (
                i64::from(a.0[at]),
                i64::from(b.0[at]),
                i64::from(Self::P[at]),
            );
            of_a += u * x + v * y + m * p;
            of_b += q * x + r * y + n * p;
            if at > 0 {
                a.0[at - 1] = (of_a & LIMB_MASK) as i32;
                b.0[at - 1] = (of_b & LIMB_MASK) as i32;
            }
            of_a >>= LIMB_BITS;
            of_b >>= LIMB_BITS;
        }
        a.0[LIMBS - 1] = of_a as i32;
        b.0[LIMBS - 1] = of_b as i32;
    }

    /// Becomes its opposite where the mask is all ones, and stays where it is 0.
    #[inline(always)]
    pub(super) fn negate_if(&mut self, mask: i32) {
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            self.0[AT] = (self.0[AT] ^ mask) - mask;
        });
    }

    /// Becomes the other, limb by limb: wasm calls a function to copy memory.
    #[inline(always)]
    pub(super) fn set(&mut self, other: &Self) {
        each!(AT of [0 1 2 3 4 5 6 7 8] {
            self.0[AT] = other.0[AT];
        });
    }
}

/// A batch of 29 divisions, of which the lowest limbs of `f` and `g` decide: the matrix that it multiplies
/// `f` and `g` by, times `2^29`. The magnitudes in each of its rows add up to `2^29` at most.
fn divisions(zeta: &mut i64, f: i32, g: i32) -> [[i64; 2]; 2] {
    let (mut f, mut g) = (i64::from(f), i64::from(g));
    // A row is one number: its first, and its second times 2^32.
    let (mut of_f, mut of_g) = (1_i64, 1_i64 << 32);
    for _ in 0..LIMB_BITS {
        let mut swaps = *zeta >> 63;
        let is_odd = -(g & 1);
        g += ((f ^ swaps) - swaps) & is_odd;
        of_g += ((of_f ^ swaps) - swaps) & is_odd;
        swaps &= is_odd;
        *zeta = (*zeta ^ swaps) - 1;
        f += g & swaps;
        of_f += of_g & swaps;
        g >>= 1;
        of_f <<= 1;
    }
    [of_f, of_g].map(|row| {
        let first = i64::from(row as i32);
        [first, (row - first) >> 32]
    })
}

#[cfg(test)]
pub(super) mod tests {
    use p256::NistP256;
    use p256::elliptic_curve::PrimeField as _;
    use p256::elliptic_curve::hazmat::FieldArithmetic;
    use proptest::prelude::*;

    use super::*;

    type Element = <NistP256 as FieldArithmetic>::FieldElement;

    /// An element with these limbs, whose last is told in parts of `2^256`.
    pub(in super::super) fn of_limbs(low: i32, last: i32) -> Field {
        Field(std::array::from_fn(|at| if at < 8 { low } else { last }))
    }

    /// The greatest limb, and the last of `2^256`.
    pub(in super::super) const MOST: i32 = (1 << LIMB_BITS) - 1;
    pub(in super::super) const ONE_LAST: i32 = 1 << 24;

    /// Elements whose limbs are where the bounds are.
    fn limits() -> [Field; 6] {
        let last = 7 * ONE_LAST - 1;
        [
            ZERO.clone(),
            Field::ONE,
            of_limbs(MOST, last),
            of_limbs(-MOST, -last),
            of_limbs(MOST, -last),
            of_limbs(-MOST, last),
        ]
    }

    /// The same element in the crate's hands.
    fn of(field: &Field) -> Element {
        Option::from(Element::from_repr(field.to_bytes().into())).unwrap()
    }

    /// Whether its limbs are carried, and its value within these parts of `2^256`.
    pub(in super::super) fn is_within(field: &Field, least: i32, most: i32) -> bool {
        let (last, others) = field.0.split_last().unwrap();
        (least * ONE_LAST..most * ONE_LAST).contains(last)
            && others.iter().all(|limb| (0..=MOST).contains(limb))
    }

    fn check(a: &Field, b: &Field) {
        for (name, made, expected) in [
            ("sum", a.plus(b), of(a) + of(b)),
            ("difference", a.minus(b), of(a) - of(b)),
        ] {
            assert_eq!(of(&made), expected, "{name} of {a:?} and {b:?}");
        }
        let inverse = of(a).invert().unwrap_or(Element::ZERO);
        let thrice = b.plus(b).plus(b);
        let square = of(a) * of(a);
        for (name, made, expected, least, most) in [
            ("product", a.times(b), of(a) * of(b), -2, 3),
            ("square", a.square(), square, 0, 3),
            (
                "square less a sum",
                a.square_less(&thrice),
                square - of(&thrice),
                -22,
                25,
            ),
            (
                "difference of products",
                a.times_less(b, b, b),
                of(a) * of(b) - of(b) * of(b),
                -4,
                5,
            ),
            ("inverse", a.inverse(), inverse, -1, 2),
        ] {
            assert!(
                is_within(&made, least, most),
                "{name} of {a:?} and {b:?}: {made:?}"
            );
            assert_eq!(of(&made), expected, "{name} of {a:?} and {b:?}");
        }
        let (mut opposite, mut same) = (a.clone(), a.clone());
        opposite.negate_if(-1);
        same.negate_if(0);
        assert_eq!([of(&opposite), of(&same)], [-of(a), of(a)]);
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
        assert_eq!(prime.reduced().0, [0; LIMBS]);
        assert_eq!(
            Field(Field::P.map(|limb| -limb))
                .plus(&Field::UNIT)
                .reduced()
                .0,
            Field::UNIT.0
        );
        assert_eq!(
            prime.plus(&prime).minus(&Field::UNIT).reduced().0,
            prime.minus(&Field::UNIT).0
        );
        assert_eq!(prime.to_bytes(), [0; 32]);
    }

    proptest! {
        #[test]
        fn arithmetic_is_the_crates(
            low in prop::array::uniform8(-MOST..=MOST), high in -7 * ONE_LAST + 1..7 * ONE_LAST,
            other_low in prop::array::uniform8(-MOST..=MOST), other_high in -7 * ONE_LAST + 1..7 * ONE_LAST,
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
