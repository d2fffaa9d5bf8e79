//! `k·G` on P-256: multiplication of the fixed base, the one of a signature, which is what a token costs.
//!
//! `k` is written in 43 digits of 6 bits with signs, and `k·G` is the sum of 43 points of a table of the
//! multiples `1..=32` of each `64^i·G`. Everything else of ES256 is the crate `p256`'s.
//!
//! # What it lets see of `k`
//!
//! No branch and no index depends on `k` or on what follows from it: each point is found by reading the
//! whole row under masks, and what a digit of 0 means is decided by masks too. Time is then that of
//! multiplications and shifts, which take the same for all operands on the processors that wasm runs
//! on. `make timing` measures it. What derives from `k` is written over when it is dropped.
//!
//! # Why incomplete addition is enough
//!
//! [`Sum::plus`] is wrong only if the two points are equal, opposite, or one of them is the identity.
//! The identity is dealt with apart: a digit of 0 keeps the sum, and the first other digit's point
//! replaces it. Otherwise, before digit `i`, the sum is `a·G` with
//! `0 < |a| <= 32·(64^i - 1)/63 < 0.51·64^i`, and the point is `b·G` with `64^i <= |b| <= 32·64^i`. They
//! are equal or opposite if `n` divides `a - b` or `a + b`.
//!
//! - For `i < 42`, `a - b` and `a + b` are not 0 and less than `33·64^41 < 2^252 < n` in magnitude.
//! - For `i = 42`, `b = d·2^252` with `1 <= d <= 16`, since `0 < k < n < 2^256`. `a + b = k`, which `n` does
//!   not divide. `a - b` is between `-16.51·2^252` and `-0.49·2^252`, and of the multiples of `n` there is
//!   only `-n`, at which `a = d·2^252 - n`. With `e = 2^256 - n`, which is less than `2^224`: for `d = 16`
//!   then `a = e`, and `k = a + b = 2^256 + e`, more than `n`. For `d = 15` then `a = e - 2^252`, and for
//!   smaller `d` less still, which is beyond `-0.51·2^252`. So neither happens.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "bounds are written beside what is computed; indices are constants or positions in loops"
)]

#[macro_use]
mod field;

use std::hint::black_box;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use self::field::{Field, WORDS};

/// How many bits a digit has, how many digits a scalar, and how many points a row.
const DIGIT_BITS: usize = 6;
const DIGITS: usize = 43;
const ROW: usize = 1 << (DIGIT_BITS - 1);

/// The coordinates of `G`, big-endian (SEC 2 §2.4.2).
const GENERATOR: [[u8; 32]; 2] = [
    [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
        0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
        0xc2, 0x96,
    ],
    [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
        0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf,
        0x51, 0xf5,
    ],
];

/// The affine coordinates of `k·G`, big-endian, for a big-endian `k` in `1..n`.
#[must_use]
pub fn multiply(k: &[u8; 32]) -> [[u8; 32]; 2] {
    let digits = Zeroizing::new(digits(k));
    let mut sum = Sum::default();
    let mut is_identity = -1;
    for (row, &digit) in table().iter().zip(digits.iter()) {
        let digit = i32::from(digit);
        let is_negative = digit >> 31;
        let magnitude = (digit ^ is_negative) - is_negative;
        let point = look_up(row, magnitude, is_negative);
        let is_zero = black_box(is_equal(magnitude, 0));
        let mut next = sum.plus(&point);
        next.replace_if(is_identity, &Sum::of(&point));
        next.replace_if(is_zero, &sum);
        is_identity &= is_zero;
        sum = next;
    }
    let point = sum.to_affine(&sum.z.inverse());
    [point.x.to_bytes(), point.y.to_bytes()]
}

/// The digits of a scalar below `2^256`, least first, each in `-31..=32`.
fn digits(k: &[u8; 32]) -> [i8; DIGITS] {
    let bit = |at: usize| {
        let octet = k.len().checked_sub(at / 8 + 1);
        octet.map_or(0, |octet| k[octet] >> (at % 8) & 1)
    };
    let mut carry = 0;
    std::array::from_fn(|index| {
        let bits = (0..DIGIT_BITS)
            .rev()
            .map(|low| bit(index * DIGIT_BITS + low));
        let digit = bits.fold(0, |digit, bit| digit << 1 | i32::from(bit)) + carry;
        // 1 if it is more than half of its span: then it is taken from the next.
        carry = (ROW as i32 - digit) >> 31 & 1;
        (digit - (carry << DIGIT_BITS)) as i8
    })
}

/// All ones if they are equal, else 0.
fn is_equal(a: i32, b: i32) -> i32 {
    let difference = a ^ b;
    !((difference | difference.wrapping_neg()) >> 31)
}

/// `magnitude` times the point of a row, or its opposite. For 0, coordinates of 0.
fn look_up(row: &Row, magnitude: i32, is_negative: i32) -> Point {
    let mut masks = Zeroizing::new([0; ROW]);
    for (mask, multiple) in masks.iter_mut().zip(1..) {
        *mask = i64::from(is_equal(magnitude, multiple)) as u64;
    }
    let mut found = Words::default();
    // From here on no compiler knows that they are all ones or zeros, so none makes branches of them.
    for (words, &mask) in row.iter().zip(black_box(&*masks)) {
        each!(AT of [0 1 2 3] {
            found[0][AT] |= words[0][AT] & mask;
            found[1][AT] |= words[1][AT] & mask;
        });
    }
    let mut point = Point::of_words(&Zeroizing::new(found));
    let opposite = Field::default().minus(&point.y);
    point.y.replace_if(black_box(is_negative), &opposite);
    point
}

/// The words of the reduced coordinates of a point.
type Words = [[u64; WORDS]; 2];

/// The multiples `1..=32` of a point.
type Row = [Words; ROW];

/// For each digit `i` the row of `64^i·G`: 88 KB, made when it is first asked for.
fn table() -> &'static [Row] {
    static TABLE: OnceLock<Vec<Row>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let [x, y] = GENERATOR.each_ref().map(Field::of_bytes);
        let rows = std::iter::successors(Some(row(&Point { x, y })), |previous| {
            let next = Sum::of(&Point::of_words(&previous[ROW - 1])).doubled();
            Some(row(&next.to_affine(&next.z.inverse())))
        });
        rows.take(DIGITS).collect()
    })
}

/// The multiples `1..=32` of a point.
fn row(point: &Point) -> Row {
    let mut multiples = vec![Sum::of(point), Sum::of(point).doubled()];
    while multiples.len() < ROW {
        multiples.push(multiples[multiples.len() - 1].plus(point));
    }
    // One inversion for all, by Montgomery's trick: of the products of the `z` so far, the last one's.
    let mut products = vec![Field::ONE];
    for multiple in &multiples {
        products.push(products[products.len() - 1].times(&multiple.z));
    }
    let mut inverse = products[ROW].inverse();
    let mut row = [Words::default(); ROW];
    for at in (0..ROW).rev() {
        row[at] = multiples[at]
            .to_affine(&inverse.times(&products[at]))
            .to_words();
        inverse = inverse.times(&multiples[at].z);
    }
    row
}

/// A point but the identity, by its affine coordinates.
struct Point {
    x: Field,
    y: Field,
}

impl Point {
    fn of_words(words: &Words) -> Self {
        let [x, y] = words.each_ref().map(Field::of_words);
        Self { x, y }
    }

    /// Of coordinates that are reduced.
    fn to_words(&self) -> Words {
        [self.x.to_words(), self.y.to_words()]
    }
}

/// A point by its Jacobian coordinates: `(x / z^2, y / z^3)`.
#[derive(Default)]
struct Sum {
    x: Field,
    y: Field,
    z: Field,
}

impl Sum {
    fn of(Point { x, y }: &Point) -> Self {
        let (x, y, z) = (x.clone(), y.clone(), Field::ONE);
        Self { x, y, z }
    }

    /// Its sum with another point, as told above (Cohen, Miyaji, Ono 1998: mixed addition).
    fn plus(&self, point: &Point) -> Self {
        let zz = self.z.square();
        let h = point.x.times(&zz).minus(&self.x);
        let r = point.y.times(&self.z).times(&zz).minus(&self.y);
        let hh = h.square();
        let hhh = hh.times(&h);
        let v = self.x.times(&hh);
        let x = r.square().minus(&hhh).minus(&v.plus(&v));
        let y = r.times(&v.minus(&x)).minus(&self.y.times(&hhh));
        let z = self.z.times(&h);
        Self { x, y, z }
    }

    /// Twice this point (Bernstein 2001, for curves with `a = -3`).
    fn doubled(&self) -> Self {
        let twice = |field: &Field| field.plus(field);
        let (delta, gamma) = (self.z.square(), self.y.square());
        let beta = self.x.times(&gamma);
        let alpha = self.x.minus(&delta).times(&self.x.plus(&delta));
        let alpha = twice(&alpha).plus(&alpha);
        let beta_4 = twice(&twice(&beta));
        let x = alpha.square().minus(&twice(&beta_4));
        let gamma_squared_8 = twice(&twice(&twice(&gamma.square())));
        let y = alpha.times(&beta_4.minus(&x)).minus(&gamma_squared_8);
        let z = self.y.plus(&self.z).square().minus(&gamma).minus(&delta);
        Self { x, y, z }
    }

    /// Its affine coordinates, reduced, by the inverse of `z`.
    fn to_affine(&self, of_z: &Field) -> Point {
        let of_zz = of_z.square();
        Point {
            x: self.x.times(&of_zz).reduced(),
            y: self.y.times(&of_zz.times(of_z)).reduced(),
        }
    }

    fn replace_if(&mut self, mask: i32, other: &Self) {
        self.x.replace_if(mask, &other.x);
        self.y.replace_if(mask, &other.y);
        self.z.replace_if(mask, &other.z);
    }
}

#[cfg(test)]
mod tests;
