//! `revoke`: moments before which no token holds, for a realm, a client or a subject.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use edge_token::name::{ClientId, RealmName};
use edge_token::not_before::{MAX_AGE, NotBefore, Whose};
use edge_token::rotation::PROPAGATION;
use edge_token::time::UnixTime;
use serde_json::{Map, Value, json};

use crate::client::{Realm, Which};
use crate::confirm::Sure;
use crate::moment::{date_and_distance, past};
use crate::target::{Kind, Pair, Target};
use crate::{Error, audit, now, operator, output};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Void all tokens of a realm
    #[command(
        name = "realm",
        after_help = "Examples:\n  edge-token revoke realm --realm default --yes"
    )]
    WholeRealm {
        #[command(flatten)]
        realm: Realm,
        #[command(flatten)]
        moment: Moment,
    },
    /// Void the tokens that a client got
    #[command(
        after_help = "Examples:\n  edge-token revoke client --realm default --client-id billing --yes"
    )]
    Client {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        moment: Moment,
    },
    /// Void the tokens about a person, or those that a client got for itself
    #[command(
        after_help = "Examples:\n  edge-token revoke subject --realm default --subject alice --before 30m --yes"
    )]
    Subject {
        #[command(flatten)]
        realm: Realm,
        /// `sub` of the tokens
        #[arg(long, value_name = "SUB", value_parser = NonEmptyStringValueParser::new(), allow_hyphen_values = true)]
        subject: String,
        #[command(flatten)]
        moment: Moment,
    },
    /// Show the moments of a realm
    #[command(after_help = "Examples:\n  edge-token revoke list --realm default")]
    List(Realm),
}

#[derive(Args)]
pub(crate) struct Moment {
    /// What was issued before is void: seconds since 1970, or a span before now, like `30m` or `7d`
    /// [default: now]
    #[arg(long, value_name = "MOMENT", value_parser = |text: &str| past(text, now()))]
    before: Option<UnixTime>,
    /// Put back a later moment, so that tokens come back to life
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    sure: Sure,
}

pub(crate) fn run(command: Command, target: &Target) -> Result<Value, Error> {
    target.not_print()?;
    match command {
        Command::WholeRealm { realm, moment } => {
            revoke(target, &realm.realm, Whose::Realm, &moment)
        }
        Command::Client { which, moment } => {
            let whose = Whose::Client(which.client_id.as_str());
            revoke(target, &which.realm.realm, whose, &moment)
        }
        Command::Subject {
            realm,
            subject,
            moment,
        } => revoke(target, &realm.realm, Whose::Subject(&subject), &moment),
        Command::List(Realm { realm }) => list(target, &realm),
    }
}

fn revoke(
    target: &Target,
    realm: &RealmName,
    whose: Whose<'_>,
    moment: &Moment,
) -> Result<Value, Error> {
    let client = match whose {
        Whose::Client(id) => ClientId::parse(id).map(|id| id.record_key(realm)),
        _ => None,
    };
    let Read {
        mut moments,
        client_is_there,
    } = read(target, realm, client)?;
    let (now, operator) = (now(), operator());
    let before = moment.before.unwrap_or(now);
    let standing = moments.of(whose);
    let back_to_life = before < standing;
    if back_to_life && !moment.force {
        return Err(Error::State(format!(
            "the moment of {} is {} already: an earlier one would bring tokens back to life that \
             are void. Nothing was changed; --force does it all the same",
            named(whose, realm),
            date_and_distance(standing, now)
        )));
    }
    moment.sure.confirm(&format!(
        "This voids all tokens of {} that were issued before {}.",
        named(whose, realm),
        date_and_distance(before, now)
    ))?;
    moments.set(whose, before);
    let record = Pair {
        key: NotBefore::record_key(realm),
        value: moments.to_record(now, &operator),
    };
    let line = audit::of_moment(realm, whose, before, now, &operator)?;
    target.put(&[record, line])?;

    if client_is_there == Some(false) {
        eprintln!(
            "Note: {} is not registered. If it was deleted, this is right.",
            named(whose, realm)
        );
    }
    tell(target, realm, whose, (before, now), back_to_life);
    let mut result = json!({ "realm": realm.as_str(), "not_before": before });
    let name = match whose {
        Whose::Realm => None,
        Whose::Client(id) => Some(("client_id", id)),
        Whose::Subject(sub) => Some(("subject", sub)),
    };
    if let (Some((member, name)), Value::Object(result)) = (name, &mut result) {
        result.insert(member.into(), name.into());
    }
    Ok(result)
}

/// Says what is void, and when and where that is known.
fn tell(
    target: &Target,
    realm: &RealmName,
    whose: Whose<'_>,
    (before, now): (UnixTime, UnixTime),
    back_to_life: bool,
) {
    let named = named(whose, realm);
    eprintln!(
        "Void: the tokens of {named} issued before {}, and the refresh tokens and codes of what \
         began before.",
        date_and_distance(before, now)
    );
    if back_to_life {
        eprintln!("Forced: tokens issued since that have not expired come back to life.");
    }
    let asked = "Introspection, userinfo, registration, refresh and token exchange refuse them";
    match target.kind {
        Kind::Local => eprintln!("{asked} after {} s at most.", MAX_AGE.0),
        _ => eprintln!(
            "{asked}, as a rule, after {} s at most: {} s that KV takes, and {} s for which the \
             Worker keeps a copy.",
            PROPAGATION.0.saturating_add(MAX_AGE.0),
            PROPAGATION.0,
            MAX_AGE.0
        ),
    }
    eprintln!(
        "Resource servers that verify access tokens by themselves take them until they expire."
    );
    if let Whose::Client(_) = whose {
        eprintln!("It can get new ones: `client disable` keeps it from that.");
    }
}

fn list(target: &Target, realm: &RealmName) -> Result<Value, Error> {
    let Read { moments, .. } = read(target, realm, None)?;
    let now = now();
    let (mut clients, mut subjects) = (Map::new(), Map::new());
    for (whose, moment) in moments.all() {
        // On a terminal the result says it, as a table.
        if !output::is_for_people() {
            eprintln!(
                "Void: the tokens of {} issued before {}.",
                named(whose, realm),
                date_and_distance(moment, now)
            );
        }
        let seconds = Value::from(moment.seconds());
        match whose {
            Whose::Realm => None,
            Whose::Client(id) => clients.insert(id.to_owned(), seconds),
            Whose::Subject(sub) => subjects.insert(sub.to_owned(), seconds),
        };
    }
    if moments.all().next().is_none() {
        eprintln!("Nothing is revoked in realm `{realm}`.");
    }
    let result = json!({
        "realm": realm.as_str(),
        "not_before": moments.realm,
        "clients": clients,
        "subjects": subjects,
    });
    Ok(result)
}

/// What the namespace has.
struct Read {
    moments: NotBefore,
    /// Whether the client is registered, if one was asked for.
    client_is_there: Option<bool>,
}

/// Reads the moments of a realm, and whether there is a record of a client.
fn read(target: &Target, realm: &RealmName, client: Option<String>) -> Result<Read, Error> {
    let key = NotBefore::record_key(realm);
    let keys = [Some(key.clone()), client.clone()];
    let values = target.values(&keys.into_iter().flatten().collect::<Vec<_>>())?;
    let moments = values.get(&key).map(|record| NotBefore::parse(record));
    let moments = moments.transpose().map_err(|error| {
        Error::State(format!(
            "the record at `{key}` is unusable: {error}. Nothing was changed"
        ))
    })?;
    Ok(Read {
        moments: moments.unwrap_or_default(),
        client_is_there: client.map(|key| values.contains_key(&key)),
    })
}

fn named(whose: Whose<'_>, realm: &RealmName) -> String {
    match whose {
        Whose::Realm => format!("realm `{realm}`"),
        Whose::Client(id) => format!("client `{id}` in realm `{realm}`"),
        Whose::Subject(sub) => format!("subject `{sub}` in realm `{realm}`"),
    }
}
