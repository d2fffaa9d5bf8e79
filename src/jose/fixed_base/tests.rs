use p256::elliptic_curve::Group as _;
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::{ProjectivePoint, Scalar};
use proptest::prelude::*;

use super::field::tests::{MOST, ONE_LAST, is_within, of_limbs};
use super::*;

/// What the crate makes of a scalar.
fn expected(k: &Scalar) -> [u8; 32] {
    let [x, _] = of_point(&ProjectivePoint::mul_by_generator(k));
    x
}

fn of_point(point: &ProjectivePoint) -> [[u8; 32]; 2] {
    let point = point.to_affine();
    [point.x().into(), point.y().into()]
}

fn multiplied(k: &Scalar) -> [u8; 32] {
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
        for digit in 32..64 {
            let point = of_point(&multiple);
            let Point { x, y } = look_up(row, digit);
            assert_eq!([x.to_bytes(), y.to_bytes()], point);
            let Point { x, y } = look_up(row, 63 - digit);
            assert_eq!([x.to_bytes(), y.to_bytes()], of_point(&-multiple));
            multiple += base.double();
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

/// Twice what a digit can stand for: at the last digit of such a number, were it multiplied as it is, the
/// sum so far and the point would be the same.
#[test]
fn it_is_the_crates_for_twice_a_digit() {
    for digit in [1, 3, 7, 15, 17, 31, 47, 63] {
        for place in 0..DIGITS {
            let k = of_digits(digit, |at| at == place).double();
            assert_eq!(multiplied(&k), expected(&k), "{k:?}");
            assert_eq!(multiplied(&-k), expected(&-k), "-{k:?}");
        }
    }
}

#[test]
fn digits_are_of_the_scalar_or_its_opposite_and_in_their_bounds() {
    let base = Scalar::from(64_u64);
    for octet in 0..=255 {
        for k in [
            [octet; 32],
            std::array::from_fn(|at| if at % 2 == 0 { octet } else { 0x82 }),
        ] {
            let Some(number) = Scalar::from_repr(k.into()).into_option() else {
                continue;
            };
            let digits = digits(&k);
            assert!(digits.iter().all(|digit| *digit < 64));
            let sum = digits.iter().rev().fold(Scalar::ZERO, |sum, digit| {
                sum * base + Scalar::from(2 * u64::from(*digit)) - Scalar::from(63_u64)
            });
            assert_eq!(sum, if k[31] % 2 == 0 { number } else { -number });
            // m is between n and 2n.
            assert!((32 + 7..32 + 16).contains(&digits[DIGITS - 1]));
        }
    }
}

/// Sums whose coordinates are at the bounds that are written beside what happens to them. A sum or
/// product that did not fit would panic in this build.
fn sums_at_their_bounds() -> impl Iterator<Item = Sum> {
    let limits = |bound: i32| [(0, -bound * ONE_LAST), (MOST, bound * ONE_LAST - 1)];
    (0..8).map(move |case| {
        let of = |bound, bit: usize| {
            let (low, last) = limits(bound)[case >> bit & 1];
            of_limbs(low, last)
        };
        let (x, y, z) = (of(5, 0), of(2, 1), of(2, 2));
        Sum { x, y, z }
    })
}

#[test]
fn additions_and_doublings_at_their_bounds_keep_to_them_and_overflow_nothing() {
    for mut sum in sums_at_their_bounds() {
        for (low, last) in [(0, 0), (MOST, ONE_LAST - 1)] {
            let (x, y) = (of_limbs(low, last), of_limbs(-low, -last));
            let mut sum = sum.clone();
            sum.add(&Point { x, y });
            assert!(is_within(&sum.x, -5, 5), "{:?}", sum.x);
            assert!(is_within(&sum.y, -2, 2), "{:?}", sum.y);
            assert!(is_within(&sum.z, -2, 2), "{:?}", sum.z);
            sum.to_affine(&sum.z.inverse());
        }
        sum.double();
        assert!(is_within(&sum.x, -3, 3), "{:?}", sum.x);
        assert!(is_within(&sum.y, -1, 2), "{:?}", sum.y);
        assert!(is_within(&sum.z, -1, 2), "{:?}", sum.z);
    }
}

/// `u·G + v·Q` for `Q = d·G`, and what the crate makes of it: it is the identity for a sum of 0.
fn check_sum(u: Scalar, v: Scalar, d: Scalar) {
    let q = ProjectivePoint::mul_by_generator(&d);
    let [u_octets, v_octets] = [u, v].map(|scalar| scalar.to_repr().into());
    let made = multiply_add(&u_octets, &v_octets, &of_point(&q));
    let sum = u + v * d;
    let wanted = (sum != Scalar::ZERO).then(|| expected(&sum));
    assert_eq!(made, wanted, "{u:?}, {v:?}, {d:?}");
}

#[test]
fn sums_are_the_crates_for_equal_and_opposite_points_and_for_one_alone() {
    let numbers = [1_u64, 2, 3, 63, 64, 0xffff_ffff].map(Scalar::from);
    let numbers = numbers.into_iter().flat_map(|number| [number, -number]);
    let numbers = numbers.collect::<Vec<_>>();
    for v in &numbers {
        for d in &numbers {
            let other = *v * d;
            for u in [
                Scalar::ZERO,
                Scalar::ONE,
                other,
                -other,
                other.double(),
                -other.double(),
            ] {
                check_sum(u, *v, *d);
            }
        }
    }
}

/// Numbers whose digits are all alike, or are those that the proof of two_bases.rs comes upon.
#[test]
fn sums_are_the_crates_for_multiples_at_the_edges() {
    let d = Scalar::from(0x1234_5678_9abc_def1_u64);
    for digit in [1, 2, 17, 31, 32, 34, 62, 63, 126] {
        for place in 0..DIGITS {
            for v in [
                of_digits(digit, |at| at == place),
                of_digits(digit, |at| at < place),
                of_digits(digit, |at| at >= place),
            ] {
                if v != Scalar::ZERO {
                    check_sum(Scalar::ZERO, v, d);
                    check_sum(Scalar::ONE, -v, d);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn sums_are_the_crates_for_any_scalars(u: [u8; 32], v: [u8; 32], d: [u8; 32]) {
        let of = |octets: [u8; 32]| Scalar::from_repr(octets.into()).into_option();
        if let (Some(u), Some(v), Some(d)) = (of(u), of(v), of(d)) && v != Scalar::ZERO && d != Scalar::ZERO {
            check_sum(u, v, d);
        }
    }

    #[test]
    fn it_is_the_crates_for_any_scalar(octets: [u8; 32]) {
        if let Some(k) = Scalar::from_repr(octets.into()).into_option().filter(|k| *k != Scalar::ZERO) {
            prop_assert_eq!(multiplied(&k), expected(&k));
        }
    }
}
