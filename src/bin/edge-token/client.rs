//! `client`: registered clients.

mod compare;
mod export;
mod import;
mod restore;
pub(crate) mod secret;
mod unservable;

use std::fs;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use edge_token::auth_method::AuthMethod;
use edge_token::client::{Client, GRACES, MAX_ACCESS_TOKEN_TTL, RecordError, StoredSecret};
use edge_token::grant_type::GrantType;
use edge_token::name::{ClientId, RealmName};
use edge_token::scope::ScopeSet;
use edge_token::time::{Seconds, UnixTime};
use edge_token::uuid::Uuid;
use serde_json::{Value, json};

use self::export::Export;
pub(crate) use self::export::record_needs_key;
use self::import::Import;
use self::secret::{RevokeSecret, RotateSecret, new_secret};
use self::unservable::{Destination, Force, lacks_login};
use crate::audit::{self, short_id};
use crate::confirm::Sure;
use crate::output::{View, printable};
use crate::target::{Kind, Pair, Target};
use crate::wrangler_toml::{WranglerToml, dialect};
use crate::{Error, now, operator, random};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Register a client; its secret is shown this once
    #[command(
        after_help = "Examples:\n  edge-token client create --realm default --client-id billing --name \"Billing\" --scope \"read write\" --default-scope read\n  edge-token client create --realm default --client-id shop --grant-types authorization_code,refresh_token --redirect-uri https://shop.example/callback --scope \"openid profile\"\n  edge-token client create --realm default --client-id mailer --auth-method private_key_jwt --jwks keys.json\n  edge-token client create --realm default --client-id old --client-secret - < secret.txt\n  edge-token client create --realm default --client-id ledger --remote --env production"
    )]
    Create(Box<Create>),
    /// Register the clients of another system, from its export, or those that `client export` wrote
    #[command(
        after_help = "Examples:\n  edge-token client import --realm dx keycloak.json --dry-run\n  edge-token client import --realm dx keycloak.json --markdown import.md\n  edge-token client import --realm dx clients.csv --print\n  edge-token client import --realm dx keycloak.json --compare https://sso.example.com/realms/dx/protocol/openid-connect/token\n  edge-token client import --all-realms backup.json --partial\n  edge-token client import --realm default backup.json --overwrite --partial --yes"
    )]
    Import(Import),
    /// Write the records of clients to a file, for `client import`
    ///
    /// They have the hashes of the clients' secrets: keep the file as you keep the namespace.
    #[command(
        after_help = "Examples:\n  edge-token client export --all-realms backup.json\n  edge-token client export --realm default --remote --env production | gzip > clients.json.gz"
    )]
    Export(Export),
    /// Show a client's record, without its secrets' hashes
    #[command(
        after_help = "Examples:\n  edge-token client show --realm default --client-id billing"
    )]
    Show(Which),
    /// List the clients of a realm
    #[command(
        after_help = "Examples:\n  edge-token client list --realm default\n  edge-token client list --realm default --json > clients.json"
    )]
    List(Realm),
    /// Refuse a client everything
    #[command(
        after_help = "Examples:\n  edge-token client disable --realm default --client-id billing"
    )]
    Disable(Which),
    /// Serve a disabled client again
    #[command(
        after_help = "Examples:\n  edge-token client enable --realm default --client-id billing"
    )]
    Enable(Which),
    /// Remove a client
    #[command(
        after_help = "Examples:\n  edge-token client delete --realm default --client-id shop --yes"
    )]
    Delete(Delete),
    /// Give a client another secret, beside the old one for a while; it is shown this once
    #[command(
        after_help = "Examples:\n  edge-token client rotate-secret --realm default --client-id billing --overlap 7d"
    )]
    RotateSecret(RotateSecret),
    /// Take one secret of a client away at once
    #[command(
        after_help = "Examples:\n  edge-token client revoke-secret --realm default --client-id billing --secret-id SECRET_ID --yes"
    )]
    RevokeSecret(RevokeSecret),
    /// Replace the public keys of a client's assertions
    #[command(
        after_help = "Examples:\n  edge-token client set-jwks --realm default --client-id mailer --jwks keys.json"
    )]
    SetJwks(SetJwks),
    /// Say in which way a client sends its secret
    #[command(
        after_help = "Examples:\n  edge-token client set-auth-method --realm default --client-id billing --auth-method client_secret_post"
    )]
    SetAuthMethod(SetAuthMethod),
}

#[derive(Args)]
pub(crate) struct Realm {
    /// The realm
    #[arg(long, value_parser = realm_name, value_name = "NAME")]
    pub(crate) realm: RealmName,
}

#[derive(Args)]
pub(crate) struct SetJwks {
    #[command(flatten)]
    which: Which,
    /// A file with the public keys of its assertions, a JWK Set
    #[arg(long, value_name = "FILE")]
    jwks: String,
}

#[derive(Args)]
pub(crate) struct SetAuthMethod {
    #[command(flatten)]
    which: Which,
    /// The way; client_secret takes both
    #[arg(long, value_name = "METHOD", value_parser = secret_method())]
    auth_method: AuthMethod,
}

#[derive(Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Args)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) realm: Realm,
    /// The client
    #[arg(long, value_parser = client_id, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) client_id: ClientId,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    realm: Realm,
    /// The client's id, 1 to 255 printable ASCII characters [default: a random UUID]
    #[arg(long, value_parser = client_id, value_name = "ID", allow_hyphen_values = true)]
    client_id: Option<ClientId>,
    /// A secret the client has already, instead of a generated one. It is stored as an HMAC under
    /// the CLIENT_SECRETS_KEY of the environment, or of the demo; `-` reads it from standard input
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    client_secret: Option<String>,
    /// The client's name for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Where people read what it is
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Its logo, for login applications to show
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// Where people read what becomes of their data
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Where people read its terms of service
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// The grants it may use; empty for none, as login applications need
    #[arg(long, default_value = "client_credentials", value_name = "A,B", value_parser = grant_types)]
    grant_types: GrantTypes,
    /// All scopes it may ask for
    #[arg(long, value_parser = scope, default_value = "", value_name = "SCOPE")]
    scope: ScopeSet,
    /// The scopes it gets when it asks for none [default: all of --scope]
    #[arg(long, value_parser = scope, value_name = "SCOPE")]
    default_scope: Option<ScopeSet>,
    /// Scopes it may ask for besides, which its tokens do not show [default: none]
    #[arg(long, value_parser = scope, default_value = "", hide_default_value = true, value_name = "SCOPE")]
    hidden_scope: ScopeSet,
    /// How it authenticates; client_secret takes both ways to send a secret [default: client_secret
    /// in a realm that talks like keycloak, else client_secret_basic]
    #[arg(long, value_name = "METHOD",
          value_parser = PossibleValuesParser::new(AuthMethod::ALL.map(AuthMethod::name))
              .try_map(|name| AuthMethod::parse(&name).ok_or("unknown")))]
    auth_method: Option<AuthMethod>,
    /// Where authorization codes may be sent; repeatable
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where browsers may be sent after signing out; repeatable
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// A file with the public keys of its assertions, a JWK Set
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// The subject of its certificate as RFC 4514 writes it, `CN=app,O=Example,C=CH`, for
    /// tls_client_auth
    #[arg(long, value_name = "DN")]
    tls_client_auth_subject_dn: Option<String>,
    /// Bind its tokens to the certificate that it shows (RFC 8705)
    #[arg(long)]
    certificate_bound: bool,
    /// Give it no tokens but those bound to a key by DPoP (RFC 9449)
    #[arg(long)]
    dpop_bound: bool,
    /// Take its authorization requests only as pushed ones (RFC 9126), as realms can of all clients
    #[arg(long)]
    require_pushed_requests: bool,
    /// Require PKCE of it though it has a secret (RFC 7636)
    #[arg(long)]
    require_pkce: bool,
    /// Give it no bearer tokens: they are bound to a key (RFC 9449) or certificate (RFC 8705), as it
    /// likes
    #[arg(long)]
    require_bound_tokens: bool,
    /// For how long it may try a used refresh token again [default: as the realm has it]
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(0..=i64::from(*GRACES.end())))]
    refresh_token_grace: Option<u32>,
    /// A value of `aud` that its tokens may have; repeatable [default: the realm's]
    #[arg(long, value_name = "URI")]
    audience: Vec<String>,
    /// A value of `aud` that it answers for itself; repeatable
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,
    /// `sub` of the tokens it gets for itself [default: its id]
    #[arg(long, value_name = "SUB", allow_hyphen_values = true)]
    subject: Option<String>,
    /// Let it use the grants of trusted clients
    #[arg(long)]
    trusted: bool,
    /// A value of `aud` that tokens may have which it exchanges, besides those that they had and it
    /// may have; repeatable
    #[arg(long, value_name = "URI")]
    exchange_audience: Vec<String>,
    /// Let tokens that it exchanges hide that it acts: they get no `act`
    #[arg(long)]
    may_impersonate: bool,
    /// One of the realm's trusted issuers whose tokens it may present, by its name there; repeatable
    #[arg(long = "trusted-issuer", value_name = "NAME", value_parser = realm_name)]
    trusted_issuers: Vec<RealmName>,
    /// A file with static claims of its tokens, a JSON object
    #[arg(long, value_name = "FILE")]
    claims: Option<String>,
    /// How long its access tokens live [default: as long as the realm's]
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ACCESS_TOKEN_TTL.0)))]
    access_token_ttl: Option<u32>,
    /// When its secret ends, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    secret_expires_at: Option<u64>,
    /// Refuse it everything until it is enabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    force: Force,
}

/// Grant types that exist, in order.
#[derive(Clone)]
struct GrantTypes(Vec<String>);

fn grant_types(text: &str) -> Result<GrantTypes, String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| match GrantType::parse(name) {
            Some(_) => Ok(name.to_owned()),
            None => {
                let known = GrantType::ALL.map(GrantType::name).join(", ");
                Err(format!("`{name}` is none of {known}"))
            }
        })
        .collect::<Result<_, _>>()
        .map(GrantTypes)
}

/// What a list shows of a client.
const COLUMNS: [&str; 6] = [
    "client_id",
    "client_name",
    "grant_types",
    "scope",
    "disabled",
    "updated_at",
];

impl Command {
    /// How people see what comes of it.
    pub(crate) fn view(&self) -> View {
        match self {
            Self::List(_) => View::Table(&COLUMNS),
            Self::Export(export) if export.is_to_stdout() => View::Json,
            _ => View::Members,
        }
    }
}

pub(crate) fn run(command: Command, target: &Target) -> Result<Value, Error> {
    match command {
        Command::Create(create) => self::create(*create, target),
        Command::Import(arguments) => import::run(&arguments, target)?.into_result(),
        Command::Export(arguments) => export::run(&arguments, target),
        Command::Show(which) => Ok(shown(&read(target, &which)?.0)),
        Command::List(Realm { realm }) => list(target, &realm),
        Command::Disable(which) => set_disabled(target, &which, true),
        Command::Enable(which) => set_disabled(target, &which, false),
        Command::Delete(arguments) => delete(target, &arguments),
        Command::SetJwks(arguments) => set_jwks(&arguments, target),
        Command::SetAuthMethod(arguments) => set_auth_method(&arguments, target),
        Command::RotateSecret(arguments) => secret::rotate(arguments, target),
        Command::RevokeSecret(arguments) => secret::revoke(&arguments, target),
    }
}

/// Imports, and prints the report: it is the result also where nothing was written.
pub(crate) fn import(arguments: &Import, target: &Target, json: bool) -> Result<ExitCode, Error> {
    import::run(arguments, target)?.print(target, json)
}

fn create(create: Create, target: &Target) -> Result<Value, Error> {
    let realm = create.realm.realm;
    let (now, operator) = (now(), operator());
    let client_id = match create.client_id {
        Some(id) => id,
        None => ClientId::parse(&Uuid::from_random(random()?).to_string())
            .ok_or_else(|| Error::State("no id could be made".into()))?,
    };
    let mut client = Client::new(client_id, now, operator);
    client.client_name = create.name;
    client.client_uri = create.client_uri;
    client.logo_uri = create.logo_uri;
    client.policy_uri = create.policy_uri;
    client.tos_uri = create.tos_uri;
    client.grant_types = create.grant_types.0;
    client.scope = create.scope;
    client.default_scope = create.default_scope;
    client.hidden_scope = create.hidden_scope;
    let auth_method = match create.auth_method {
        Some(method) => method,
        None => usual_method(&realm, target),
    };
    client.token_endpoint_auth_method = auth_method;
    client.redirect_uris = create.redirect_uris;
    client.post_logout_redirect_uris = create.post_logout_redirect_uris;
    let jwks = create.jwks.map(|path| json_file("--jwks", &path));
    let jwks = jwks.transpose()?;
    let ignored_keys = match &jwks {
        Some(set) => client.set_keys(set).map_err(unfit)?,
        None => None,
    };
    client.tls_client_auth_subject_dn = create.tls_client_auth_subject_dn;
    client.tls_client_certificate_bound_access_tokens = create.certificate_bound;
    client.dpop_bound_access_tokens = create.dpop_bound;
    client.require_pushed_authorization_requests = create.require_pushed_requests;
    client.require_pkce = create.require_pkce;
    client.require_bound_tokens = create.require_bound_tokens;
    client.refresh_token_grace = create.refresh_token_grace.map(Seconds);
    client.audience = create.audience;
    client.resources = create.resources;
    client.subject = create.subject;
    client.trusted = create.trusted;
    client.exchange_audience = create.exchange_audience;
    client.may_impersonate = create.may_impersonate;
    client.trusted_issuers = create
        .trusted_issuers
        .iter()
        .map(ToString::to_string)
        .collect();
    client.access_token_ttl = create.access_token_ttl.map(Seconds);
    client.disabled = create.disabled;
    if let Some(path) = create.claims {
        client.claims = match json_file("--claims", &path)? {
            Value::Object(claims) => claims,
            _ => {
                return Err(Error::Argument(format!(
                    "--claims: {path} is no JSON object"
                )));
            }
        };
    }
    if jwks.is_some() != (auth_method == AuthMethod::PrivateKeyJwt) {
        return Err(Error::Argument(
            "--jwks goes with --auth-method private_key_jwt, and that needs it".into(),
        ));
    }
    client.check_written().map_err(unfit)?;
    let destination = Destination::read(target);
    let mut wrong = destination.wrong(&client, &realm);
    if lacks_login(&client, destination.realm(&realm)) {
        wrong.push("authorization_code needs a realm with a `login_url`".to_owned());
    }
    let expires_at = create.secret_expires_at.map(UnixTime::from_seconds);
    if expires_at.is_some_and(|end| end <= now) {
        wrong.push("--secret-expires-at is over already".to_owned());
    }
    create.force.refuse(&wrong)?;

    let secret = match (auth_method.uses_secret(), create.client_secret) {
        (true, given) => {
            let (secret, hash) = new_secret(given, &create.force, target)?;
            let id = short_id()?;
            client.secrets.push(StoredSecret {
                id,
                hash,
                not_before: None,
                expires_at,
            });
            Some(secret)
        }
        (false, Some(_)) => {
            let method = auth_method.name();
            return Err(Error::Argument(format!(
                "--client-secret does not go with {method}: leave it out"
            )));
        }
        (false, None) => None,
    };
    let key = client.client_id.record_key(&realm);
    if target.kind != Kind::Print
        && target
            .values(std::slice::from_ref(&key))?
            .contains_key(&key)
    {
        return Err(Error::State(format!(
            "client `{}` exists in realm `{realm}`, nothing was changed: `client show` shows it, \
             `client rotate-secret` gives it a new secret",
            client.client_id
        )));
    }
    let pair = Pair {
        key,
        value: serde_json::to_string(&client)?,
    };
    let mut result = json!({
        "client_id": client.client_id,
        "kv": { "key": pair.key, "value": pair.value },
    });
    if let (Some(secret), Value::Object(members)) = (secret, &mut result) {
        members.insert("client_secret".into(), secret.reveal().into());
    }
    tell_ignored(ignored_keys.as_deref(), &mut result);
    if target.kind != Kind::Print {
        target.put(&[pair, audit::of_client("create", &realm, &client, None)?])?;
        eprintln!(
            "Registered client `{}` in realm `{realm}`.",
            client.client_id
        );
    }
    Ok(result)
}

/// How clients of a realm authenticate that are registered without being told: as its dialect has it,
/// by wrangler.toml.
fn usual_method(realm: &RealmName, target: &Target) -> AuthMethod {
    let configured = WranglerToml::read(target).ok();
    let dialect = configured.and_then(|file| dialect(&file.realms(), realm));
    let method = dialect.map_or(AuthMethod::ClientSecretBasic, |dialect| dialect.auth_method);
    if let Some(dialect) = dialect.filter(|_| method == AuthMethod::ClientSecret) {
        eprintln!(
            "Realm `{realm}` talks like {}, so its secret may come by HTTP Basic or in the form \
             (client_secret): --auth-method names one way.",
            dialect.name
        );
    }
    method
}

fn list(target: &Target, realm: &RealmName) -> Result<Value, Error> {
    target.not_print()?;
    let clients = records(
        target,
        realm,
        &target.keys(&ClientId::record_prefix(realm))?,
    )?;
    for (key, error) in clients
        .iter()
        .filter_map(|row| row.get("key").zip(row.get("error")))
    {
        let text = |value: &Value| printable(value.as_str().unwrap_or_default());
        eprintln!(
            "Note: the record at `{}` is unusable, it gets no tokens: {}.",
            text(key),
            text(error)
        );
    }
    if let Some(why) = Destination::read(target).unconfigured(realm) {
        eprintln!("Note: {why}.");
    }
    eprintln!("{} clients in realm `{realm}`.", clients.len());
    Ok(clients.into())
}

/// The records at these keys, without their secrets' hashes, or what is wrong with them.
pub(crate) fn records(
    target: &Target,
    realm: &RealmName,
    keys: &[String],
) -> Result<Vec<Value>, Error> {
    let prefix = ClientId::record_prefix(realm);
    let values = target.values(keys)?;
    let mut clients = Vec::new();
    for key in keys {
        let id = key.strip_prefix(&prefix).and_then(ClientId::parse);
        let record = id
            .zip(values.get(key))
            .map(|(id, value)| Client::parse(value, &id));
        clients.push(match record {
            Some(Ok(client)) => shown(&client),
            Some(Err(error)) => json!({ "key": key, "error": error.to_string() }),
            None => json!({ "key": key, "error": "no record" }),
        });
    }
    Ok(clients)
}

fn set_disabled(target: &Target, which: &Which, disabled: bool) -> Result<Value, Error> {
    let (mut client, key) = read(target, which)?;
    client.disabled = disabled;
    let action = if disabled { "disable" } else { "enable" };
    save(target, which, key, &mut client, action, None)?;
    eprintln!(
        "Client `{}` in realm `{}`: {action}d.",
        client.client_id, which.realm.realm
    );
    if disabled && target.kind == Kind::Remote {
        eprintln!(
            "Every location knows, as a rule, within 60 s, and then takes none of its tokens; who \
             verifies them alone does until they expire."
        );
    }
    Ok(shown(&client))
}

fn set_jwks(arguments: &SetJwks, target: &Target) -> Result<Value, Error> {
    let (mut client, key) = read(target, &arguments.which)?;
    let method = client.token_endpoint_auth_method;
    if method != AuthMethod::PrivateKeyJwt {
        return Err(Error::State(format!(
            "client `{}` authenticates by {}, not by keys: nothing was changed",
            client.client_id,
            method.name()
        )));
    }
    let ignored_keys = client
        .set_keys(&json_file("--jwks", &arguments.jwks)?)
        .map_err(|error| Error::Argument(format!("{error}: nothing was changed")))?;
    let which = &arguments.which;
    save(target, which, key, &mut client, "set-jwks", None)?;
    eprintln!(
        "Client `{}` has these keys now; a location may need 60 s to know. To change a key without \
         a refusal, keep the old one in the set until the log's `client_kid` names it no more.",
        client.client_id
    );
    let mut result = shown(&client);
    tell_ignored(ignored_keys.as_deref(), &mut result);
    Ok(result)
}

/// Tells which keys of a set were left out of the record, if any.
fn tell_ignored(ignored_keys: Option<&str>, result: &mut Value) {
    if let (Some(told), Value::Object(members)) = (ignored_keys, result) {
        eprintln!("Note: left out, because they cannot be used: {told}.");
        members.insert("ignored_keys".into(), told.into());
    }
}

fn unfit(error: RecordError) -> Error {
    Error::Argument(error.to_string())
}

fn set_auth_method(arguments: &SetAuthMethod, target: &Target) -> Result<Value, Error> {
    let (mut client, key) = read(target, &arguments.which)?;
    let (before, after) = (client.token_endpoint_auth_method, arguments.auth_method);
    if !before.uses_secret() {
        return Err(Error::State(format!(
            "client `{}` authenticates by {}, not by a secret: nothing was changed",
            client.client_id,
            before.name()
        )));
    }
    client.token_endpoint_auth_method = after;
    let which = &arguments.which;
    save(target, which, key, &mut client, "set-auth-method", None)?;
    eprintln!(
        "Client `{}` authenticates by {} now, before by {}; a location may need 60 s to know. The \
         log's `auth_method` tells which way it takes.",
        client.client_id,
        after.name(),
        before.name()
    );
    Ok(shown(&client))
}

/// Stores a client that was changed, and the line of the change.
fn save(
    target: &Target,
    which: &Which,
    key: String,
    client: &mut Client,
    action: &str,
    secret_id: Option<&str>,
) -> Result<(), Error> {
    client.updated_at = now();
    client.updated_by = operator();
    let value = serde_json::to_string(client)?;
    let line = audit::of_client(action, &which.realm.realm, client, secret_id)?;
    target.put(&[Pair { key, value }, line])
}

fn delete(target: &Target, Delete { which, sure }: &Delete) -> Result<Value, Error> {
    let (mut client, key) = read(target, which)?;
    let realm = &which.realm.realm;
    sure.confirm(&format!(
        "This removes client `{}` ({}) from realm `{realm}` for good, with its secrets.",
        client.client_id,
        client.client_name.as_deref().unwrap_or("without a name"),
    ))?;
    client.updated_at = now();
    client.updated_by = operator();
    target.delete(&key)?;
    target.put(&[audit::of_client("delete", realm, &client, None)?])?;
    eprintln!(
        "Removed client `{}` from realm `{realm}`.",
        client.client_id
    );
    Ok(json!({ "client_id": client.client_id, "deleted": true }))
}

/// The record of a client, and its key.
fn read(target: &Target, which: &Which) -> Result<(Client, String), Error> {
    target.not_print()?;
    let (realm, id) = (&which.realm.realm, &which.client_id);
    let key = id.record_key(realm);
    let record = target.values(std::slice::from_ref(&key))?.remove(&key);
    let record = record.ok_or_else(|| {
        Error::State(format!(
            "no client `{id}` in realm `{realm}`: `client list` shows those that are there; are \
                 --local or --remote and --env right?"
        ))
    })?;
    let client = Client::parse(&record, id).map_err(|error| {
        Error::State(format!(
            "the record at `{key}` is unusable: {error}. Nothing was changed: put a good one \
                 there by `client import --overwrite` of an export, or take it away by `npx \
                 wrangler kv key delete`"
        ))
    })?;
    Ok((client, key))
}

/// A record for people: of each secret everything but its hash.
fn shown(client: &Client) -> Value {
    let mut shown = serde_json::to_value(client).unwrap_or_default();
    for secret in shown
        .get_mut("secrets")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        secret.as_object_mut().map(|secret| secret.remove("hash"));
    }
    shown
}

fn json_file(argument: &str, path: &str) -> Result<Value, Error> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::Argument(format!("{argument}: cannot read {path}: {error}")))?;
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text))
        .map_err(|error| Error::Argument(format!("{argument}: {path} is not JSON: {error}")))
}

/// Reads a method by which a secret is sent.
pub(crate) fn secret_method() -> impl TypedValueParser<Value = AuthMethod> {
    let methods = AuthMethod::ALL.into_iter();
    let methods = methods.filter(|method| method.uses_secret());
    PossibleValuesParser::new(methods.map(AuthMethod::name))
        .try_map(|name| AuthMethod::parse(&name).ok_or("unknown"))
}

fn realm_name(text: &str) -> Result<RealmName, &'static str> {
    RealmName::parse(text).ok_or("1 to 64 letters, digits, `-`, `_` and `.`, no mark first")
}

fn client_id(text: &str) -> Result<ClientId, &'static str> {
    ClientId::parse(text).ok_or("1 to 255 printable ASCII characters")
}

fn scope(text: &str) -> Result<ScopeSet, edge_token::scope::ScopeError> {
    ScopeSet::parse(text)
}
