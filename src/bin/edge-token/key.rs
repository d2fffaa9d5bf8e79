//! `key`: signing keys, over two secrets that cannot be read back.

mod facts;
mod hazard;
mod lifetime;
mod timetable;

use clap::{Args, Subcommand};
use edge_token::client::MAX_ACCESS_TOKEN_TTL;
use edge_token::http::MAX_AGE;
use edge_token::jose::{PrivateJwk, SigningKey};
use edge_token::rotation::{KeyFact, Slots};
use edge_token::time::{Seconds, UnixTime};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::facts::{KnownSlots, Written};
use self::hazard::{hazards, no_plan};
pub(crate) use self::timetable::NOTICE;
use self::timetable::{Timetable, unsettled};
use crate::confirm::Sure;
use crate::moment::{date_and_distance, span};
use crate::target::{Kind, Target};
use crate::{Error, audit, now, operator, random};

const DAY: u64 = 24 * 60 * 60;

/// What the name of the second secret of a set ends with.
const SECOND: &str = "_NEXT";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a signing key and store it as the only one of its secret
    ///
    /// The key signs from now until it expires: this is for the first key. With --print, the private
    /// JWK Set goes to standard output, for `wrangler secret put`; else only public facts do.
    #[command(
        after_help = "Examples:\n  edge-token key generate\n  edge-token key generate --lifetime 90 --remote --env production\n  edge-token key generate --print > key.json"
    )]
    Generate {
        /// The secret that is to hold the key
        #[arg(long, default_value = "SIGNING_KEYS", value_name = "NAME")]
        secret: String,
        #[command(flatten)]
        lifetime: Lifetime,
        /// Overwrite the keys that the secret holds: no token signed with them verifies any more
        #[arg(long)]
        force: bool,
    },
    /// Add a signing key that takes over without an outage
    ///
    /// It is stored in that one of the two secrets whose keys have all retired, is published at
    /// once and signs after the lead. The old key stays until the next rotation, which is refused
    /// until the last token that it signed has expired.
    #[command(
        after_help = "Examples:\n  edge-token key rotate\n  edge-token key rotate --lead 24h --remote --env production"
    )]
    Rotate(Rotate),
    /// Show when which key does what
    #[command(
        after_help = "Examples:\n  edge-token key list\n  edge-token key list --json > timetable.json"
    )]
    List {
        #[command(flatten)]
        set: Set,
        #[command(flatten)]
        longest: Longest,
    },
    /// Emergency: take a key away at once, so that no token signed with it verifies
    #[command(after_help = "Examples:\n  edge-token key revoke KID --yes")]
    Revoke {
        /// The key
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        set: Set,
        #[command(flatten)]
        lifetime: Lifetime,
        /// Take other keys of the same secret away too
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        sure: Sure,
    },
    /// Say what came of a write that did not finish, as the JWK Set shows it
    #[command(
        after_help = "Examples:\n  edge-token key settle SIGNING_KEYS_NEXT KID\n  edge-token key settle SIGNING_KEYS_NEXT"
    )]
    Settle {
        /// The secret that was to be written
        #[arg(value_name = "SECRET")]
        secret: String,
        /// The key of it that is in the JWK Set [default: none is]
        #[arg(value_name = "KID", allow_hyphen_values = true)]
        kid: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    set: Set,
    /// How long the key is published before it signs
    #[arg(long, default_value = "1h", value_parser = span, value_name = "SPAN")]
    lead: Seconds,
    #[command(flatten)]
    lifetime: Lifetime,
    #[command(flatten)]
    longest: Longest,
    /// Do what is unsafe
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Set {
    /// The first of the two secrets; the other is NAME_NEXT
    #[arg(long, default_value = "SIGNING_KEYS", value_name = "NAME")]
    secret: String,
}

#[derive(Args)]
pub(crate) struct Lifetime {
    /// For how many days the key is good
    #[arg(long = "lifetime", default_value_t = 365, value_name = "DAYS",
          value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

#[derive(Args)]
pub(crate) struct Longest {
    /// The longest that any token lives [default: what wrangler.toml and the clients' records say]
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ACCESS_TOKEN_TTL.0)))]
    token_lifetime: Option<u32>,
}

pub(crate) fn run(command: Command, target: &Target) -> Result<Value, Error> {
    match command {
        Command::Generate {
            secret,
            lifetime,
            force,
        } => generate(target, &secret, lifetime.days, force),
        Command::Rotate(arguments) => rotate(target, &arguments),
        Command::List { set, longest } => list(target, &set, &longest),
        Command::Revoke {
            kid,
            set,
            lifetime,
            force,
            sure,
        } => revoke(target, &kid, &set, (lifetime.days, force), &sure),
        Command::Settle { secret, kid } => settle(target, &secret, kid.as_deref()),
    }
}

fn generate(target: &Target, secret: &str, days: u64, force: bool) -> Result<Value, Error> {
    let names = names(secret)?;
    let not_before = now();
    let key = new_key(
        not_before,
        not_before
            .seconds()
            .saturating_add(days.saturating_mul(DAY)),
    )?;
    let jwk_set = private_jwk_set(Some(&key))?;
    if target.kind == Kind::Print {
        eprintln!(
            "This is a private key: pipe it to `wrangler secret put {secret}`, keep no copy."
        );
        return Ok(serde_json::from_str(&jwk_set)?);
    }
    let existing = target.secret_names()?;
    if let Some(name) = existing.iter().find(|name| names.contains(name))
        && !force
    {
        return Err(Error::State(match name == secret {
            true => format!(
                "the secret {secret} exists, nothing was changed: --force overwrites it, and no \
                 token signed with its keys will verify any more. `key rotate` adds a key without \
                 an outage"
            ),
            false => format!(
                "the secret {name} exists, nothing was changed: `key rotate` adds a key that \
                 verifiers know before it signs; --force makes one that signs at once"
            ),
        }));
    }
    let mut known = KnownSlots::read(target, &names, &existing)?;
    let new = written(Some(&key), None);
    let slot = known.named(secret)?;
    slot.store(target, "generate-key", new, &jwk_set)?;
    eprintln!("Stored a new signing key in {secret}. It is good for {days} days.");
    say_when(target);
    let (kid, nbf, exp) = (key.kid(), not_before, key.expiration());
    Ok(json!({ "secret": secret, "kid": kid, "nbf": nbf, "exp": exp }))
}

fn rotate(target: &Target, arguments: &Rotate) -> Result<Value, Error> {
    let Rotate {
        lead,
        lifetime,
        longest,
        force,
        ..
    } = arguments;
    let (mut known, slots) = read(target, &arguments.set, longest)?;
    // The lead begins now, however long the reading took.
    let now = now();
    let plan = slots.plan(now, *lead, lifetime.days.saturating_mul(DAY));
    let plan = plan.map_err(|error| no_plan(error, &known))?;
    let hazards = hazards(&plan, &slots, &known, now);
    if !hazards.is_empty() {
        let all = hazards.join("\n- ");
        match force {
            true => eprintln!("Forced, although this is not safe:\n- {all}"),
            false => {
                return Err(Error::State(format!(
                    "nothing was changed, since this is not safe:\n- {all}\n--force does it all \
                     the same."
                )));
            }
        }
    }
    let key = new_key(plan.not_before, plan.expiration.seconds())?;
    let lifetime = Some(slots.token_lifetime);
    let secret = known.name(plan.slot).to_owned();
    let slot = known.named(&secret)?;
    let jwk_set = private_jwk_set(Some(&key))?;
    slot.store(
        target,
        "rotate-key",
        written(Some(&key), lifetime),
        &jwk_set,
    )?;
    eprintln!(
        "Stored a new signing key in {secret}. It is published now and signs from {}.",
        date_and_distance(plan.not_before, now)
    );
    say_when(target);
    let slots = known.slots(slots.token_lifetime);
    let timetable = told(&known, &slots, now);
    let (kid, nbf, exp) = (key.kid(), plan.not_before, plan.expiration);
    let result = json!({
        "secret": secret, "kid": kid, "nbf": nbf, "exp": exp, "timetable": timetable,
    });
    Ok(result)
}

fn list(target: &Target, set: &Set, longest: &Longest) -> Result<Value, Error> {
    let (known, slots) = read(target, set, longest)?;
    let timetable = Timetable {
        known: &known,
        slots: &slots,
        now: now(),
    };
    timetable.tell();
    let secrets = known.0.iter().map(|slot| {
        let is_known = slot
            .written()
            .next()
            .is_some_and(|held| held.keys.is_some());
        let pending = slot.pending().next().is_some();
        json!({ "secret": slot.name, "exists": slot.exists, "known": is_known, "pending": pending })
    });
    let result = json!({
        "token_lifetime": slots.token_lifetime,
        "secrets": secrets.collect::<Vec<_>>(),
        "timetable": timetable.json(),
        "warnings": timetable.warnings(),
    });
    Ok(result)
}

fn revoke(
    target: &Target,
    kid: &str,
    set: &Set,
    (days, force): (u64, bool),
    sure: &Sure,
) -> Result<Value, Error> {
    target.not_print()?;
    let names = names(&set.secret)?;
    let mut known = KnownSlots::read(target, &names, &target.secret_names()?)?;
    // In an emergency nobody waits until all clients' records are read.
    let lifetime = lifetime::of_realms(target, &names).unwrap_or_else(|error| {
        eprintln!("Note: tokens are taken to live 30 days, the longest possible: {error}.");
        MAX_ACCESS_TOKEN_TTL
    });
    let lifetime = known
        .token_lifetime()
        .map_or(lifetime, |known| known.max(lifetime));
    let slots = known.slots(lifetime);
    let now = now();
    let Some(revocation) = slots.revocation(kid, now) else {
        return Err(Error::State(format!(
            "no key `{kid}` is known, nothing was changed: `key list` shows those that are. A key \
             that was uploaded by hand goes by `key generate --secret NAME --force`, which puts a \
             new one in its place"
        )));
    };
    let others = revocation.others.iter().map(|key| key.kid.as_str());
    let others = others.collect::<Vec<_>>().join(", ");
    if !others.is_empty() && !force {
        return Err(Error::State(format!(
            "nothing was changed: the same secret holds {others}, and no token signed with that \
             would verify any more either. --force takes all of them away"
        )));
    }
    let and_others = match others.is_empty() {
        true => String::new(),
        false => format!(" and {others}"),
    };
    sure.confirm(&format!(
        "This takes {kid}{and_others} away for good: no token signed with it verifies any more."
    ))?;
    let key = match revocation.replace {
        true => {
            let end = now.seconds().saturating_add(days.saturating_mul(DAY));
            Some(new_key(now, end)?)
        }
        false => None,
    };
    let secret = known.name(revocation.slot).to_owned();
    let slot = known.named(&secret)?;
    let jwk_set = private_jwk_set(key.as_ref())?;
    let new = written(key.as_ref(), Some(lifetime));
    slot.store(target, "revoke-key", new, &jwk_set)?;
    match &key {
        Some(key) => eprintln!(
            "Revoked {kid}: {secret} holds a new key instead, {}, which signs at once. Services \
             that verify tokens fetch the JWK Set again when they meet a key that they do not know.",
            key.kid().as_str()
        ),
        None => eprintln!("Revoked {kid}: {secret} is empty, the other secret's key signs."),
    }
    eprintln!(
        "Tokens signed with {kid} fail wherever they are verified as soon as the copy of the JWK \
         Set there ends: {MAX_AGE} s after every location knows, which takes 60 s as a rule. A \
         verifier that never fetches it again has to be told."
    );
    say_when(target);
    let slots = known.slots(lifetime);
    let timetable = told(&known, &slots, now);
    let new = key.as_ref().map(SigningKey::kid);
    let result = json!({
        "revoked": kid, "secret": secret, "kid": new, "timetable": timetable,
    });
    Ok(result)
}

fn settle(target: &Target, secret: &str, kid: Option<&str>) -> Result<Value, Error> {
    target.not_print()?;
    let names = names(secret)?;
    let mut known = KnownSlots::read(target, &names, &target.secret_names()?)?;
    let now = now();
    let slot = known.named(secret)?;
    if slot.pending().next().is_none() {
        return Err(Error::State(format!(
            "every write to {secret} has finished, there is nothing to settle"
        )));
    }
    let is_it = |way: &&Written| {
        let mut keys = way.keys.iter().flatten();
        match kid {
            Some(kid) => keys.any(|key| key.kid == kid),
            None => way.keys.is_some() && keys.all(|key| key.expiration <= now),
        }
    };
    let Some(way) = slot.written().find(is_it).cloned() else {
        let why = unsettled(slot);
        return Err(Error::State(format!("it cannot be so: {why}")));
    };
    let line = audit::of_keys("settle-key", secret, kid, now, &operator())?;
    slot.settle(target, way, line)?;
    eprintln!("Settled what {secret} holds.");
    Ok(json!({ "secret": secret, "kid": kid }))
}

/// What is known of the secrets and of the tokens.
fn read(target: &Target, set: &Set, longest: &Longest) -> Result<(KnownSlots, Slots), Error> {
    target.not_print()?;
    let names = names(&set.secret)?;
    let known = KnownSlots::read(target, &names, &target.secret_names()?)?;
    let token_lifetime = match longest.token_lifetime {
        Some(seconds) => Seconds(seconds),
        None => {
            let configured = lifetime::longest(target, &names)?;
            known
                .token_lifetime()
                .map_or(configured, |known| known.max(configured))
        }
    };
    let slots = known.slots(token_lifetime);
    Ok((known, slots))
}

/// How a set of secrets stands, as far as is written down.
pub(crate) enum Standing {
    /// Nothing is written down of one that is there.
    Unknown,
    /// A write did not finish.
    Unsettled,
    NoKeySigns,
    /// Some key signs now, and the newest until then.
    Until(UnixTime),
}

/// How the set of secrets stands to which `secret` belongs, for tokens that live so long.
pub(crate) fn standing(
    target: &Target,
    secret: &str,
    existing: &[String],
    token_lifetime: Seconds,
    now: UnixTime,
) -> Result<Standing, Error> {
    let known = KnownSlots::read(target, &names(secret)?, existing)?;
    let slots = known.slots(token_lifetime);
    let timetable = Timetable {
        known: &known,
        slots: &slots,
        now,
    };
    let is_unknown = slots.slots.iter().any(|slot| slot.keys.is_none());
    let is_pending = known.0.iter().any(|slot| slot.pending().next().is_some());
    Ok(match (is_unknown, is_pending, timetable.last()) {
        (true, ..) => Standing::Unknown,
        (_, true, _) => Standing::Unsettled,
        (.., Some(last)) if slots.signs(now) => Standing::Until(last),
        _ => Standing::NoKeySigns,
    })
}

/// Tells the timetable, and returns it.
fn told(known: &KnownSlots, slots: &Slots, now: UnixTime) -> Value {
    let timetable = Timetable { known, slots, now };
    timetable.tell();
    timetable.json()
}

fn say_when(target: &Target) {
    match target.kind {
        Kind::Local => eprintln!("Start `make run` again to serve it."),
        _ => eprintln!("Every location has it, as a rule, within 60 s."),
    }
}

/// The two secrets of the set to which a secret belongs.
fn names(secret: &str) -> Result<[String; 2], Error> {
    let is_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let first = secret.strip_suffix(SECOND).unwrap_or(secret);
    if first.is_empty() || !first.bytes().all(is_name) {
        return Err(Error::Argument(
            "--secret must be upper-case letters, digits and `_`".into(),
        ));
    }
    Ok([first.to_owned(), format!("{first}{SECOND}")])
}

fn new_key(not_before: UnixTime, expiration: u64) -> Result<SigningKey, Error> {
    let expiration = UnixTime::from_seconds(expiration);
    loop {
        let octets = Zeroizing::new(random()?);
        if let Some(key) = SigningKey::generate(&octets, not_before, expiration) {
            return Ok(key);
        }
    }
}

/// What is written down of a secret that holds this key alone, or none.
fn written(key: Option<&SigningKey>, token_lifetime: Option<Seconds>) -> Written {
    let key = key.map(|key| KeyFact {
        kid: key.kid().as_str().to_owned(),
        not_before: key.not_before(),
        expiration: key.expiration(),
    });
    Written {
        keys: Some(key.into_iter().collect()),
        token_lifetime,
        updated_at: now(),
        updated_by: operator(),
    }
}

/// A private JWK Set (RFC 7517 §5) of one key, or none: a secret.
pub(crate) fn private_jwk_set(key: Option<&SigningKey>) -> Result<Zeroizing<String>, Error> {
    #[derive(Serialize)]
    struct PrivateJwkSet<'a> {
        keys: Vec<PrivateJwk<'a>>,
    }

    let keys = key.into_iter().map(SigningKey::to_private_jwk).collect();
    Ok(Zeroizing::new(serde_json::to_string(&PrivateJwkSet {
        keys,
    })?))
}
