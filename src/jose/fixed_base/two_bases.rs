//! `u·G + v·Q`, the sum of a verification (FIPS 186-5 §6.4.2), of which anybody may know everything.
//!
//! `u·G` is taken from the table as in a signature, and `v·Q` by the same digits of `v`, the last first:
//! six doublings, then the addition of a point of the row of `Q`.
//!
//! # Where points may be equal or opposite
//!
//! With `p` for the number that the digits down to `i` make, odd and not below 15, the sum before digit `i` is
//! added is `a·Q` with `a = p - b`, and the point is `b·Q` with an odd `b` within ±63. They are equal or opposite
//! if `n` divides `a - b`, which is `p - 2b`, or `a + b`, which is `p`; and no sum is the identity, if no `p` is a
//! multiple of `n`, which is prime.
//!
//! - For `i > 0`, both are odd, so not 0, and below `n` in magnitude, as `p` is below `2n / 64 + 1`.
//! - For `i = 0`, `p` is `m`, between `n` and `2n`. And `p - 2b` is odd and between `n - 126` and `2n + 126`, so
//!   of the multiples of `n` there is only `n`. Then `a = n + b`, which is 64 times an odd number, so 64 modulo
//!   128. As `n` is 81, `b` is -17, or 111, which is no digit; but with -17, `p = n - 34`, which is below `n`.
//!
//! The sum of `u·G` and `v·Q` has no such bounds: who chooses `Q` and the signature can make the two equal or
//! opposite, and [`multiply_add`] looks.

use super::field::Field;
use super::{DIGIT_BITS, DIGITS, Point, Row, Sum, digits, look_up, of_generator, row};

/// The affine coordinate `x` of `u·G + v·Q`, big-endian, or `None` if that is the identity: for a big-endian
/// `u` in `0..n` and `v` in `1..n`, and the affine coordinates of a point `Q` of the curve.
#[must_use]
pub fn multiply_add(u: &[u8; 32], v: &[u8; 32], q: &[[u8; 32]; 2]) -> Option<[u8; 32]> {
    let [x, y] = q.each_ref().map(Field::of_bytes);
    let of_q = times(&row(&mut Point { x, y }), v);
    let of_q = of_q.to_affine(&of_q.z.inverse());
    if *u == [0; 32] {
        return Some(of_q.x.to_bytes());
    }
    let mut sum = of_generator(u);
    sum.y.negate_if(sign(u));
    sum.add(&of_q);
    if sum.z.is_zero() {
        // They have the same x. Of opposite ones, the x that was computed is a square, and not 0.
        if !sum.x.is_zero() {
            return None;
        }
        sum = Sum::of(&of_q);
        sum.double();
    }
    Some(sum.to_affine(&sum.z.inverse()).x.to_bytes())
}

/// A multiple of the point whose row it is.
fn times(row: &Row, k: &[u8; 32]) -> Sum {
    let digits = digits(k);
    let mut sum = Sum::of(&look_up(row, digits[DIGITS - 1]));
    for digit in digits[..DIGITS - 1].iter().rev() {
        for _ in 0..DIGIT_BITS {
            sum.double();
        }
        sum.add(&look_up(row, *digit));
    }
    sum.y.negate_if(sign(k));
    sum
}

/// All ones if the digits are those of the opposite, which they are of odd numbers.
fn sign(k: &[u8; 32]) -> i32 {
    -i32::from(k[31] & 1)
}
