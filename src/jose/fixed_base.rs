//! `k·G` on P-256: multiplication of the fixed base, the one of a signature, which is what a token costs.
//!
//! Of the point a signature takes `x` alone, which is also that of `-k·G`. So what is multiplied is
//! `m`, the odd one of `k + n` and `2n - k`, written in 43 odd digits of 6 bits, and `m·G` is the sum of 43
//! points of a table of the multiples `1, 3, ..., 63` of each `64^i·G`. `two_bases` adds a multiple of a public
//! key to that, for verifications. Everything else of ES256 is the crate `p256`'s.
//!
//! # What it lets see of `k`
//!
//! No branch and no index depends on `k` or on what follows from it: each point is found by reading the
//! whole row under masks, and there is no digit of 0, nor an identity, to be dealt with apart. Time is then
//! that of multiplications and shifts, which take the same for all operands on the processors that wasm
//! runs on. `make timing` measures it. What derives from `k` is written over when it is dropped.
//!
//! # Why incomplete addition is enough
//!
//! [`Sum::add`] is wrong only if the two points are equal, opposite, or one of them is the identity.
//! Before digit `i > 0`, the sum is `a·G` with `a` odd and `|a| < 64^i`, and the point is `b·G` with
//! `64^i <= |b| <= 63·64^i`. They are equal or opposite if `n` divides `a - b` or `a + b`.
//!
//! - For `i < 42`, `a - b` and `a + b` are not 0 and less than `64^42 = 2^252 < n` in magnitude.
//! - For `i = 42`, `a + b = m`, which is between `n` and `2n`. With `q = floor(m / 2^253)`, which is at most
//!   15, `b = (2q + 1)·2^252`. So `a - b = m - 2b` is negative, odd, and `-(q + 1)·2^253 >= -2^257` or more. Of
//!   the multiples of `n` there is only `-n`, as `-2n` is even. There `n = (2q + 1)·2^253 - m`, which is more
//!   than `q·2^253` and not more than `(q + 1)·2^253`: so `q = 7`, and `m < 2^256`. But then
//!   `m = 15·2^253 - n = 7·2^253 + (2^256 - n)`, which is less than `n`, as `2^256 - n < 2^224`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "bounds are written beside what is computed; indices are constants or positions in loops"
)]

#[macro_use]
mod field;
mod pair;
mod two_bases;

use std::hint::black_box;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use self::field::{Field, WORDS};
use self::pair::Pair;
pub use self::two_bases::multiply_add;

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

/// The order `n` of `G`, and half of `n - 1`: words, the least first.
const ORDER: [u64; WORDS] = [
    0xf3b9_cac2_fc63_2551,
    0xbce6_faad_a717_9e84,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
];
const HALF_ORDER: [u64; WORDS] = [
    0x79dc_e561_7e31_92a8,
    0xde73_7d56_d38b_cf42,
    0x7fff_ffff_ffff_ffff,
    0x7fff_ffff_8000_0000,
];

/// The affine coordinate `x` of `k·G`, big-endian, for a big-endian `k` in `1..n`.
#[must_use]
pub fn multiply(k: &[u8; 32]) -> [u8; 32] {
    let product = of_generator(k);
    product.to_affine(&product.z.inverse()).x.to_bytes()
}

/// `k·G` for an even `k`, else `-k·G`.
fn of_generator(k: &[u8; 32]) -> Sum {
    let digits = Zeroizing::new(digits(k));
    let table = table();
    let mut sum = Sum::of(&look_up(&table[0], digits[0]));
    for at in 1..DIGITS {
        sum.add(&look_up(&table[at], digits[at]));
    }
    sum
}

/// The digits of `m`, least first. Each is `2b - 63` for the `b` that is told: since the sum of all
/// `63·64^i` is `2^258 - 1`, these are the digits to base 64 of `(m - 1) / 2 + 2^257`.
fn digits(k: &[u8; 32]) -> [u8; DIGITS] {
    let octets = |word| std::array::from_fn(|at| k[(WORDS - 1 - word) * 8 + at]);
    let k = Zeroizing::new(std::array::from_fn::<_, WORDS, _>(|word| {
        u64::from_be_bytes(octets(word))
    }));
    let is_odd = black_box((k[0] & 1).wrapping_neg());
    // (m - 1) / 2 is half of k and of n - 1, or, for an odd k, n less half of k + 1: both are below n.
    let mut sum = Zeroizing::new([0, 0, 0, 0, 2]);
    let mut carry = 0;
    for at in 0..WORDS {
        let half = k[at] >> 1 | k.get(at + 1).map_or(0, |next| next << 63);
        let of_order = HALF_ORDER[at] ^ (HALF_ORDER[at] ^ ORDER[at]) & is_odd;
        let word = u128::from(half ^ is_odd) + u128::from(of_order) + carry;
        sum[at] = word as u64;
        carry = word >> 64;
    }
    std::array::from_fn(|index| {
        let (word, shift) = (index * DIGIT_BITS / 64, index * DIGIT_BITS % 64);
        let next = sum
            .get(word + 1)
            .map_or(0, |next| next << 1 << (63 - shift));
        ((sum[word] >> shift | next) & ((1 << DIGIT_BITS) - 1)) as u8
    })
}

/// The point of a row that is multiplied by a digit, told as above.
#[inline(never)]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn look_up(row: &Row, digit: u8) -> Point {
    // Digits below 32 are negative, and -1 is 31.
    let is_negative = black_box(i32::from(digit >> (DIGIT_BITS - 1)) - 1);
    let index = Pair::of_index((u32::from(digit) ^ is_negative as u32) & (ROW as u32 - 1));
    let mut found = [Pair::ZERO; WORDS];
    for (pairs, at) in row.iter().zip(0..) {
        let mask = index.is_of(at);
        each!(AT of [0 1 2 3] {
            found[AT].take_if(mask, pairs[AT]);
        });
    }
    let mut words = Zeroizing::new(Words::default());
    each!(AT of [0 1 2 3] {
        let [one, other] = found[AT].words();
        words[AT / 2][AT % 2 * 2] = one;
        words[AT / 2][AT % 2 * 2 + 1] = other;
    });
    let mut point = Point {
        x: Field::of_words(&words[0]),
        y: Field::of_words(&words[1]),
    };
    point.y.negate_if(is_negative);
    point
}

/// The words of the reduced coordinates of a point, and the same in pairs.
type Words = [[u64; WORDS]; 2];
type Pairs = [Pair; WORDS];

/// The multiples `1, 3, ..., 63` of a point.
type Row = [Pairs; ROW];

/// For each digit `i` the row of `64^i·G`: 88 KB, made when it is first asked for.
fn table() -> &'static [Row] {
    static TABLE: OnceLock<Vec<Row>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let [x, y] = GENERATOR.each_ref().map(Field::of_bytes);
        let mut point = Point { x, y };
        let rows = std::iter::repeat_with(|| row(&mut point));
        rows.take(DIGITS).collect()
    })
}

/// The multiples `1, 3, ..., 63` of a point, which becomes 64 times itself.
fn row(point: &mut Point) -> Row {
    let mut double = Sum::of(point);
    double.double();
    let double = double.to_affine(&double.z.inverse());
    let mut sum = Sum::of(point);
    let mut multiples = Vec::with_capacity(ROW + 1);
    for _ in 0..ROW - 1 {
        multiples.push(sum.clone());
        sum.add(&double);
    }
    multiples.push(sum.clone());
    sum.add(point);
    multiples.push(sum);
    // One inversion for all, by Montgomery's trick: of the products of the `z` so far, the last one's.
    let mut products = vec![Field::ONE];
    for multiple in &multiples {
        products.push(products[products.len() - 1].times(&multiple.z));
    }
    let mut inverse = products[multiples.len()].inverse();
    let mut row = [[Pair::ZERO; WORDS]; ROW];
    for (at, multiple) in multiples.iter().enumerate().rev() {
        let affine = multiple.to_affine(&inverse.times(&products[at]));
        inverse = inverse.times(&multiple.z);
        match row.get_mut(at) {
            Some(place) => *place = affine.to_pairs(),
            None => *point = affine,
        }
    }
    row
}

/// A point but the identity, by its affine coordinates.
struct Point {
    x: Field,
    y: Field,
}

impl Point {
    /// Of coordinates that are reduced.
    fn to_pairs(&self) -> Pairs {
        let ([a, b, c, d], [e, f, g, h]) = (self.x.to_words(), self.y.to_words());
        [[a, b], [c, d], [e, f], [g, h]].map(Pair::of)
    }
}

/// A point by its Jacobian coordinates: `(x / z^2, y / z^3)`.
#[derive(Clone)]
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

    /// Adds another point, as told above (Cohen, Miyaji, Ono 1998: mixed addition).
    ///
    /// In units of `2^256`, before and after it `x` is within ±5, `y` and `z` within ±2; the other point is
    /// within ±1. By the bound of products, `zz < 1.2`, `h` is within ±6.1, `r` within ±3.1,
    /// `hh < 2.2`, `hhh` in `-0.5..1.5`, and `v` in `-0.4..1.4`. Then `x` is in `-4.3..2.7`, `v - x` within ±5.7,
    /// `y` in `-0.7..1.7`, and `z` in `-0.4..1.4`.
    #[inline(never)]
    fn add(&mut self, point: &Point) {
        let zz = self.z.square();
        let h = point.x.times(&zz).minus(&self.x);
        let r = point.y.times(&self.z).times(&zz).minus(&self.y);
        let hh = h.square();
        let hhh = hh.times(&h);
        let v = self.x.times(&hh);
        let x = r.square_less(&hhh.plus(&v).plus(&v));
        self.y.set(&r.times_less(&v.minus(&x), &self.y, &hhh));
        self.z.set(&self.z.times(&h));
        self.x.set(&x);
    }

    /// Becomes twice itself (Cohen, Miyaji, Ono 1998, for curves with `a = -3`).
    ///
    /// In units of `2^256`, before and after it `x` is within ±5, `y` and `z` within ±2. By the bound of
    /// products, `zz < 1.2`, `m` is in `-0.2..5.5`, `two_y` within ±4, `w < 1.5`, and `s` in `-0.3..1.3`. Then
    /// `x` is in `-2.6..2.6`, `s - x` within ±3.9, `y` in `-0.8..1.8`, and `z` in `-0.3..1.3`.
    #[inline(never)]
    fn double(&mut self) {
        let zz = self.z.square();
        let m = self.x.times_less(&self.x, &zz, &zz).multiple(3);
        let two_y = self.y.multiple(2);
        let w = two_y.square();
        let s = self.x.times(&w);
        let x = m.square_less(&s.plus(&s));
        self.z.set(&two_y.times(&self.z));
        let two_yy = two_y.times(&self.y);
        self.y.set(&m.times_less(&s.minus(&x), &w, &two_yy));
        self.x.set(&x);
    }

    /// Its affine coordinates, reduced, by the inverse of `z`.
    fn to_affine(&self, of_z: &Field) -> Point {
        let of_zz = of_z.square();
        Point {
            x: self.x.times(&of_zz).reduced(),
            y: self.y.times(&of_zz.times(of_z)).reduced(),
        }
    }
}

#[cfg(test)]
mod tests;
