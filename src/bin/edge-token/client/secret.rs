//! `client rotate-secret` and `client revoke-secret`: several secrets of a client overlap within one
//! value, so that none of its instances is refused while they learn the new one.

use clap::Args;
use edge_token::client::{Client, ClientSecret, ClientSecretHash, ClientSecretsKey, StoredSecret};
use edge_token::rotation::PROPAGATION;
use edge_token::time::{Seconds, UnixTime};
use serde_json::{Value, json};

use super::unservable::{Force, SHORTEST_SECRET};
use super::{Which, read, save, shown};
use crate::audit::short_id;
use crate::confirm::Sure;
use crate::moment::{date_and_distance, length, span};
use crate::target::Target;
use crate::{Error, now, random};

#[derive(Args)]
pub(crate) struct RotateSecret {
    #[command(flatten)]
    which: Which,
    /// How long the secrets that are valid now stay so, unless they end before: `90s`, `30m`, `24h`,
    /// `7d`, or `0`
    #[arg(long, default_value = "24h", value_parser = span, value_name = "SPAN")]
    overlap: Seconds,
    /// A secret that was chosen elsewhere, instead of a generated one. It is stored as an HMAC under
    /// the CLIENT_SECRETS_KEY of the environment, or of the demo; `-` reads it from standard input
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    client_secret: Option<String>,
    /// When the new secret ends, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    secret_expires_at: Option<u64>,
    #[command(flatten)]
    force: Force,
}

#[derive(Args)]
pub(crate) struct RevokeSecret {
    #[command(flatten)]
    which: Which,
    /// The secret, by its name in `client show` and in the Worker's log
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    secret_id: String,
    /// Take away even the last secret that is valid
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    sure: Sure,
}

pub(super) fn rotate(arguments: RotateSecret, target: &Target) -> Result<Value, Error> {
    let (mut client, key) = read(target, &arguments.which)?;
    let (now, method) = (now(), client.token_endpoint_auth_method);
    if !method.uses_secret() {
        return Err(Error::State(format!(
            "client `{}` authenticates by {}, not by a secret: nothing was changed",
            client.client_id,
            method.name()
        )));
    }
    let expires_at = arguments.secret_expires_at.map(UnixTime::from_seconds);
    if expires_at.is_some_and(|end| end <= now) {
        return Err(Error::Argument(
            "--secret-expires-at is over already: nothing was changed".into(),
        ));
    }
    let (secret, hash) = new_secret(arguments.client_secret, &arguments.force, target)?;
    let id = short_id()?;
    let end = now.plus(arguments.overlap);
    let mut old = Vec::new();
    for stored in client
        .secrets
        .iter_mut()
        .filter(|secret| secret.is_valid(now))
    {
        stored.expires_at = Some(stored.expires_at.map_or(end, |own| own.min(end)));
        old.push(stored.id.clone());
    }
    let is_over = |stored: &StoredSecret| stored.expires_at.is_some_and(|end| end <= now);
    client.secrets.retain(|stored| !is_over(stored));
    client.secrets.push(StoredSecret {
        id: id.clone(),
        hash,
        not_before: None,
        expires_at,
    });
    save(
        target,
        &arguments.which,
        key,
        &mut client,
        "rotate-secret",
        Some(&id),
    )?;
    eprintln!("Client `{}` has a new secret, {id}.", client.client_id);
    tell(&client, now);
    if !old.is_empty() {
        eprintln!(
            "The Worker logs a line for every token, with `secret_id`: when {} stands in none any \
             more, nobody uses it.",
            old.join(" or ")
        );
    }
    eprintln!(
        "A location may need {} s to know the new secret: give it to the client after that.",
        PROPAGATION.0
    );
    if arguments.overlap < PROPAGATION && !old.is_empty() {
        eprintln!(
            "The overlap is {}: until every location knows, one may refuse the new secret while \
             another refuses the old one already, so that requests of the client can fail.",
            length(arguments.overlap.0.into())
        );
    }
    let result = json!({
        "client_id": client.client_id,
        "client_secret": secret.reveal(),
        "secret_id": id,
        "secrets": listed(&client),
    });
    Ok(result)
}

pub(super) fn revoke(arguments: &RevokeSecret, target: &Target) -> Result<Value, Error> {
    let (mut client, key) = read(target, &arguments.which)?;
    let (now, id) = (now(), &arguments.secret_id);
    let ids = client.secrets.iter().map(|stored| stored.id.as_str());
    let ids = ids.collect::<Vec<_>>().join(", ");
    if !client.secrets.iter().any(|stored| stored.id == *id) {
        return Err(Error::State(format!(
            "client `{}` has no secret `{id}`, nothing was changed; its secrets: {}",
            client.client_id,
            if ids.is_empty() { "none" } else { &ids }
        )));
    }
    let valid = |client: &Client| client.secrets.iter().any(|stored| stored.is_valid(now));
    let was_valid = valid(&client);
    client.secrets.retain(|stored| stored.id != *id);
    if was_valid && !valid(&client) && !arguments.force {
        return Err(Error::State(format!(
            "{id} is the last valid secret of client `{}`, nothing was changed: `client \
             rotate-secret --overlap 0` puts a new one in its place; --force takes it away all the \
             same",
            client.client_id
        )));
    }
    arguments.sure.confirm(&format!(
        "This takes the secret {id} of client `{}` away for good: whoever uses it is refused.",
        client.client_id
    ))?;
    save(
        target,
        &arguments.which,
        key,
        &mut client,
        "revoke-secret",
        Some(id),
    )?;
    eprintln!(
        "Client `{}` has the secret {id} no more. A location may need {} s to know; tokens issued \
         before live until they expire, unless `revoke client` ends them.",
        client.client_id, PROPAGATION.0
    );
    tell(&client, now);
    let result = json!({ "client_id": client.client_id, "secrets": listed(&client) });
    Ok(result)
}

/// A client's secrets, without hashes.
fn listed(client: &Client) -> Value {
    let shown = shown(client).get("secrets").cloned();
    shown.unwrap_or_else(|| Value::Array(Vec::new()))
}

fn tell(client: &Client, now: UnixTime) {
    for stored in &client.secrets {
        let begins = stored.not_before.filter(|moment| now < *moment);
        let begins =
            begins.map(|moment| format!("valid from {}, ", date_and_distance(moment, now)));
        let ends = stored.expires_at.map_or("does not end".to_owned(), |end| {
            format!("ends {}", date_and_distance(end, now))
        });
        eprintln!("  {}  {}{ends}", stored.id, begins.unwrap_or_default());
    }
}

/// A new secret and what is stored of it: generated here, or given by the caller.
pub(super) fn new_secret(
    given: Option<String>,
    force: &Force,
    target: &Target,
) -> Result<(ClientSecret, ClientSecretHash), Error> {
    let salt = random()?;
    let Some(given) = given else {
        let secret = ClientSecret::generate(&random()?);
        let hash = ClientSecretHash::of_generated(&secret, salt);
        return Ok((secret, hash));
    };
    let secret = ClientSecret::new(given_secret(given)?);
    if secret.reveal().chars().count() < SHORTEST_SECRET {
        force.refuse(&[format!(
            "--client-secret has fewer than {SHORTEST_SECRET} characters, and can be guessed"
        )])?;
    }
    let hash = ClientSecretHash::of_imported(&secret, salt, &secrets_key(target)?);
    Ok((secret, hash))
}

/// What `--client-secret` says: the secret, or `-` for standard input.
pub(crate) fn given_secret(given: String) -> Result<String, Error> {
    let given = match given.as_str() {
        "-" => std::io::read_to_string(std::io::stdin())
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| Error::File {
                path: "standard input".into(),
                error,
            })?,
        _ => given,
    };
    match given.is_empty() {
        true => Err(Error::Argument("--client-secret is empty".into())),
        false => Ok(given),
    }
}

/// The key of imported secrets' hashes.
pub(super) fn secrets_key(target: &Target) -> Result<ClientSecretsKey, Error> {
    let key = target
        .secret("CLIENT_SECRETS_KEY")?
        .and_then(ClientSecretsKey::parse);
    key.ok_or_else(|| {
        Error::Argument(
            "imported secrets need CLIENT_SECRETS_KEY in the environment, at least 32 octets: the \
             value of the Worker secret of that name"
                .into(),
        )
    })
}
