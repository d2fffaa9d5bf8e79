use p256::elliptic_curve::Group as _;
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::{ProjectivePoint, Scalar};
use proptest::prelude::*;

use super::field::tests::limits;
use super::*;

/// What the crate makes of a scalar.
fn expected(k: &Scalar) -> [[u8; 32]; 2] {
    of_point(&ProjectivePoint::mul_by_generator(k))
}

fn of_point(point: &ProjectivePoint) -> [[u8; 32]; 2] {
    let point = point.to_affine();
    [point.x().into(), point.y().into()]
}

fn multiplied(k: &Scalar) -> [[u8; 32]; 2] {
    multiply(&k.to_repr().into())
}

/// `d·64^i` for the digit `d` at each place `i` that `places` has, as far as it is a scalar.
fn of_digits(digit: u64, places: impl Fn(usize) -> bool) -> Scalar {
    let base = Scalar::from(64_u64);
    (0..DIGITS).rev().fold(Scalar::ZERO, |sum, place| {
        let digit = if places(place) { digit } else { 0 };
        sum * base + Scalar::from(digit)
    })
}

#[test]
fn every_point_of_the_table_is_the_crates() {
    let mut base = ProjectivePoint::GENERATOR;
    for row in table() {
        let mut multiple = base;
        for words in row {
            let Point { x, y } = Point::of_words(words);
            assert_eq!([x.to_bytes(), y.to_bytes()], of_point(&multiple));
            multiple += base;
        }
        base = (0..DIGIT_BITS).fold(base, |base, _| base.double());
    }
}

#[test]
fn it_is_the_crates_for_scalars_at_the_edges() {
    let one = Scalar::ONE;
    let mut power = one;
    for _ in 0..256 {
        for k in [
            power,
            power + one,
            power - one,
            -power,
            -power + one,
            -power - one,
        ] {
            if k != Scalar::ZERO {
                assert_eq!(multiplied(&k), expected(&k), "{k:?}");
            }
        }
        power = power.double();
    }
}

#[test]
fn it_is_the_crates_for_digits_at_the_edges() {
    let last = DIGITS - 1;
    for digit in [1, 15, 16, 31, 32, 33, 62, 63] {
        for place in 0..DIGITS {
            let cases = [
                of_digits(digit, |at| at == place),
                of_digits(digit, |at| at < place),
                of_digits(digit, |at| at >= place),
                of_digits(digit, |at| at % 2 == place % 2 && at < last),
                of_digits(digit, |at| at != place),
            ];
            for k in cases.into_iter().filter(|k| *k != Scalar::ZERO) {
                assert_eq!(multiplied(&k), expected(&k), "{k:?}");
                assert_eq!(multiplied(&-k), expected(&-k), "-{k:?}");
            }
        }
    }
}

#[test]
fn digits_are_of_the_scalar_and_in_their_bounds() {
    for octet in 0..=255 {
        for k in [
            [octet; 32],
            std::array::from_fn(|at| if at % 2 == 0 { octet } else { 0x82 }),
        ] {
            let digits = digits(&k);
            assert!(digits.iter().all(|digit| (-31..=32).contains(digit)));
            let base = Scalar::from(64_u64);
            let of = |digit: i8| match digit {
                0.. => Scalar::from(digit.unsigned_abs() as u64),
                _ => -Scalar::from(digit.unsigned_abs() as u64),
            };
            let sum = digits
                .iter()
                .rev()
                .fold(Scalar::ZERO, |sum, digit| sum * base + of(*digit));
            let octets = k.iter().fold(Scalar::ZERO, |sum, octet| {
                sum * Scalar::from(256_u64) + Scalar::from(u64::from(*octet))
            });
            assert_eq!(sum, octets);
        }
    }
}

/// The bounds of limbs, at which a sum or product that did not fit would panic in this build.
#[test]
fn additions_of_limbs_at_their_bounds_overflow_nothing() {
    for a in limits() {
        for b in limits() {
            let (point, sum) = (
                Point {
                    x: a.clone(),
                    y: b.clone(),
                },
                Sum {
                    x: b.clone(),
                    y: a.clone(),
                    z: b.clone(),
                },
            );
            for sum in [sum.plus(&point), sum.doubled()] {
                sum.to_affine(&sum.z.inverse());
            }
        }
    }
}

proptest! {
    #[test]
    fn it_is_the_crates_for_any_scalar(octets: [u8; 32]) {
        if let Some(k) = Scalar::from_repr(octets.into()).into_option().filter(|k| *k != Scalar::ZERO) {
            prop_assert_eq!(multiplied(&k), expected(&k));
        }
    }
}
