//! Whether the time that a comparison of secrets or a multiplication of the generator takes tells
//! anything of the secret, by the method of dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2017): two classes of
//! inputs in random order, each call timed alone, and Welch's t-test on all times and on those below
//! some percentiles, since what interrupts a measurement is slow. `make timing` runs it.
//!
//! That a leak would be found, a comparison shows that stops at the first difference. It must be found,
//! and the others must not, or the exit status says so.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "measures, and may stop at what it does not expect"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edge_token::client::{Client, ClientSecret, ClientSecretHash, ClientSecretsKey, StoredSecret};
use edge_token::http::Request;
use edge_token::jose::{SigningKey, fixed_base};
use edge_token::json::Json;
use edge_token::name::{ClientId, RealmName};
use edge_token::scope::ScopeSet;
use edge_token::service::Service;
use edge_token::store::MemoryStore;
use edge_token::time::UnixTime;
use serde_json::json;
use sha2::{Digest, Sha256};

/// How often each comparison is timed, each multiplication, and each request.
const COMPARISONS: usize = 1_000_000;
const MULTIPLICATIONS: usize = 300_000;
const REQUESTS: usize = 200_000;
/// From where on the classes differ: in dudect 4.5 says perhaps, and 10 surely.
const THRESHOLD: f64 = 5.0;
/// Inputs that lie ready at a time.
const BATCH: usize = 10_000;
/// The parts of the times that are tested, from the fastest up.
const PARTS: [f64; 8] = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

const SECRET: &str = "kGZ5kq3mFJ0RfYOqBKqYQH0vGqB2nCn8kXg1sWq6c0E";
const SALT: [u8; 16] = [7; 16];
const KEY: &str = "0123456789abcdef0123456789abcdef";
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn main() -> ExitCode {
    println!(
        "{COMPARISONS} comparisons each, {MULTIPLICATIONS} multiplications; |t| from {THRESHOLD} on is a \
         difference\n"
    );
    let key = ClientSecretsKey::parse(KEY.to_owned()).unwrap();
    let secret = ClientSecret::new(SECRET.to_owned());
    let mut passed = true;
    for (scheme, hash) in [
        ("sha256", ClientSecretHash::of_generated(&secret, SALT)),
        (
            "hmac-sha256",
            ClientSecretHash::of_imported(&secret, SALT, &key),
        ),
    ] {
        let key = (scheme == "hmac-sha256").then_some(&key);
        let compare = |(hash, secret): &(ClientSecretHash, ClientSecret)| {
            bool::from(hash.matches(secret, key).unwrap())
        };
        let presented = |secret: &str| (hash.clone(), ClientSecret::new(secret.to_owned()));
        let stored = |index| (with_other_octet(&hash, index), secret.clone());
        let [first, last] = [0, SECRET.len() - 1].map(other_at);
        let times = measure(
            COMPARISONS,
            [&|| presented(SECRET), &|| presented(&first)],
            compare,
        );
        passed &= !differs(
            &format!("{scheme}: right secret, wrong in its first character"),
            &times,
        );
        let times = measure(
            COMPARISONS,
            [&|| presented(&first), &|| presented(&last)],
            compare,
        );
        passed &= !differs(
            &format!("{scheme}: wrong in its first character, in its last"),
            &times,
        );
        let times = measure(COMPARISONS, [&|| stored(0), &|| stored(31)], compare);
        passed &= !differs(
            &format!("{scheme}: digest wrong in its first octet, in its last"),
            &times,
        );
    }

    passed &= multiplications();

    let digest: [u8; 32] = Sha256::new()
        .chain_update(SALT)
        .chain_update(SECRET)
        .finalize()
        .into();
    let wrong_at = |index: usize| {
        let mut digest = digest;
        digest[index] ^= 1;
        digest
    };
    let times = measure(COMPARISONS, [&|| wrong_at(0), &|| wrong_at(31)], |stored| {
        stops_at_the_first_difference(stored, black_box(SECRET))
    });
    let found = differs(
        "control: the same, but it stops at the first difference",
        &times,
    );

    println!("\n{REQUESTS} token requests; what they differ by is told, not judged");
    service();
    let failure = match (found, passed) {
        (true, true) => return ExitCode::SUCCESS,
        (true, false) => "a comparison takes longer for one class than for the other",
        (false, _) => "the control was not found, so the rest says nothing",
    };
    println!("\nFailed: {failure}.");
    ExitCode::FAILURE
}

/// Whether `k·G` takes the same for one `k` and others, for even ones and odd ones, for digits that are all
/// the same and others, and wherever the one is that is not.
fn multiplications() -> bool {
    let random = || {
        let mut k = [0; 32];
        getrandom::fill(&mut k).unwrap();
        // Below n.
        k[0] &= 0x7f;
        k
    };
    let fixed = random();
    let one = || std::array::from_fn(|at| u8::from(at == 31));
    let of_parity = |bit: u8| {
        let mut k = random();
        k[31] = k[31] & !1 | bit;
        k
    };
    let great = || std::array::from_fn(|at| if at == 0 { 0x40 } else { 0 });
    let is_same = |name, classes: [&dyn Fn() -> [u8; 32]; 2]| {
        !differs(
            name,
            &measure(MULTIPLICATIONS, classes, fixed_base::multiply),
        )
    };
    is_same("k·G: one k, random ones", [&|| fixed, &random])
        & is_same("k·G: even k, odd k", [&|| of_parity(0), &|| of_parity(1)])
        & is_same("k·G: k = 1, random ones", [&one, &random])
        & is_same("k·G: k = 1, k = 2^254", [&one, &great])
}

/// What [`ClientSecretHash::matches`] must not be.
fn stops_at_the_first_difference(stored: &[u8; 32], secret: &str) -> bool {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(SALT)
        .chain_update(secret)
        .finalize()
        .into();
    for (one, other) in digest.iter().zip(stored) {
        if black_box(one != other) {
            return false;
        }
    }
    true
}

/// The secret with another character there.
fn other_at(index: usize) -> String {
    let mut secret = SECRET.as_bytes().to_vec();
    secret[index] ^= 1;
    String::from_utf8(secret).unwrap()
}

/// The hash with another octet there in its digest.
fn with_other_octet(hash: &ClientSecretHash, index: usize) -> ClientSecretHash {
    let text = hash.to_json();
    let (rest, digest) = text.as_str().unwrap().rsplit_once('$').unwrap();
    let mut digest = URL_SAFE_NO_PAD.decode(digest).unwrap();
    digest[index] ^= 1;
    let text = format!("{rest}${}", URL_SAFE_NO_PAD.encode(digest));
    ClientSecretHash::from_json(text.into()).unwrap()
}

/// A wrong secret of a client, and the same of a client that does not exist.
fn service() {
    let keys = SigningKey::generate(&[1; 32], UnixTime::from_seconds(0), NOW).unwrap();
    let keys = json!({ "keys": [serde_json::to_value(keys.to_private_jwk()).unwrap()] });
    let realms = json!({ "default": { "issuer": "https://auth.example/realms/default" } });
    let variables = [("REALMS".to_owned(), realms.to_string())];
    let service = Service::new(&variables, &|name| {
        (name == "SIGNING_KEYS").then(|| keys.to_string())
    });
    let store = MemoryStore::default();
    let known = ClientId::parse("client-a").unwrap();
    let mut client = Client::new(known.clone(), NOW, "timing".to_owned());
    client.grant_types = vec!["client_credentials".to_owned()];
    client.scope = ScopeSet::parse("read write").unwrap();
    client.secrets = vec![StoredSecret {
        id: "s1".to_owned(),
        hash: ClientSecretHash::of_generated(&ClientSecret::new(SECRET.to_owned()), SALT),
        not_before: None,
        expires_at: None,
    }];
    let record = serde_json::to_string(&client).unwrap();
    store.put(&RealmName::parse("default").unwrap(), &known, Ok(record));

    let wrong = other_at(0);
    let basic = |id: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{wrong}")));
    let times = measure(
        REQUESTS,
        [&|| basic("client-a"), &|| basic("client-b")],
        |basic| {
            let request = Request {
                method: "POST",
                path: "/token",
                authority: "auth.example",
                content_type: Some("application/x-www-form-urlencoded"),
                authorization: Some(basic),
                body: b"grant_type=client_credentials",
                ..Request::default()
            };
            let reply = service.respond(&request, NOW, &getrandom::fill, &store);
            let reply = pollster::block_on(reply);
            assert_eq!(reply.response.status, 401);
            reply
        },
    );
    differs("wrong secret of a client, of none", &times);
}

/// Times `act` on inputs of two classes in random order: the nanoseconds of each class.
fn measure<I, O>(
    count: usize,
    classes: [&dyn Fn() -> I; 2],
    act: impl Fn(&I) -> O,
) -> [Vec<u64>; 2] {
    let mut times = [Vec::with_capacity(count), Vec::with_capacity(count)];
    // The first batch warms up.
    for batch in 0..=count.div_ceil(BATCH) {
        let mut coins = [0; BATCH];
        getrandom::fill(&mut coins).unwrap();
        let inputs = coins.map(|coin| usize::from(coin & 1));
        let inputs: Vec<_> = inputs.map(|class| (class, classes[class]())).into();
        for (class, input) in &inputs {
            let start = Instant::now();
            black_box(act(black_box(input)));
            let time = start.elapsed().as_nanos();
            if batch > 0 {
                times[*class].push(u64::try_from(time).unwrap());
            }
        }
    }
    times
}

/// Prints the median times of two classes and the greatest t, and says whether they differ.
fn differs(name: &str, times: &[Vec<u64>; 2]) -> bool {
    let mut all = times.concat();
    all.sort_unstable();
    let tests = PARTS.map(|part| {
        let end = all[((all.len() - 1) as f64 * part) as usize];
        let [one, other] = [0, 1].map(|class: usize| Moments::of(&times[class], end));
        let error = (one.variance / one.count + other.variance / other.count).sqrt();
        (one.mean - other.mean) / error
    });
    // Where one class is always the slower, the lower parts have none of it, and no t.
    let tests = tests.into_iter().filter(|t| !t.is_nan());
    let t = tests.max_by(|one, other| one.abs().total_cmp(&other.abs()));
    let t = t.unwrap();
    let found = t.abs() >= THRESHOLD;
    let [one, other] = times.clone().map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let says = if found { "differ" } else { "same" };
    println!("{name:62} {one:5} ns, {other:5} ns, t = {t:+9.2}  {says}");
    found
}

struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    /// Of the times up to `end`.
    fn of(times: &[u64], end: u64) -> Self {
        let times = || {
            times
                .iter()
                .filter(|time| **time <= end)
                .map(|time| *time as f64)
        };
        let count = times().count() as f64;
        let mean = times().sum::<f64>() / count;
        let variance = times().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self {
            count,
            mean,
            variance,
        }
    }
}
