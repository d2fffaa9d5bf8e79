//! `client import`: registers the clients of another system, or those that `client export` wrote.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use edge_token::auth_method::AuthMethod;
use edge_token::client::{Client, ClientSecret, ClientSecretHash, ClientSecretsKey, StoredSecret};
use edge_token::dialect::KEYCLOAK;
use edge_token::json::Object;
use edge_token::name::{ClientId, RealmName};
use edge_token::realm::Realm;
use edge_token::time::UnixTime;
use serde_json::{Map, Value, json};

use super::compare::{self, Comparison};
use super::export::{Realms, is_export};
use super::restore;
use super::secret::secrets_key;
use super::secret_method;
use super::unservable::{self, Force, SHORTEST_SECRET};
use crate::audit::{self, short_id};
use crate::confirm::Sure;
use crate::import::{
    self, Destination, Draft, Found, Notes, Outcome, Place, Read, Report, Row, RowResult, Secret,
};
use crate::moment::date;
use crate::output::{self, View};
use crate::progress::Progress;
use crate::target::{Kind, Pair, Target};
use crate::wrangler_toml::{WranglerToml, configured, dialect};
use crate::{Error, now, operator, random};

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(super) realms: Realms,
    /// What `client export` wrote, an export of Keycloak or a folder of them, or a list of clients
    /// (JSON, CSV); docs/migrate.md has the shapes and members
    #[arg(value_name = "FILE")]
    pub(super) file: String,
    /// How clients authenticate for which the file does not say it
    #[arg(long, default_value = "client_secret", value_name = "METHOD",
        value_parser = secret_method())]
    auth_method: AuthMethod,
    /// Register what is right even if something else is wrong
    #[arg(long)]
    pub(super) partial: bool,
    /// Say what would come of it, write nothing, and ask for no key
    #[arg(long)]
    dry_run: bool,
    /// Write the report as Markdown, for a change ticket, to a new file
    #[arg(long, value_name = "FILE")]
    markdown: Option<String>,
    /// Give new secrets to clients whose secrets are masked, hashed, placeholders, over, or can be
    /// guessed
    #[arg(long)]
    generate_secrets: bool,
    /// Where generated secrets go, a new file that only its owner may read
    /// [default: beside FILE, as NAME.secrets.json]
    #[arg(long, value_name = "FILE")]
    secrets: Option<String>,
    /// Write nothing: get a token for each client from the token endpoint that they use now, and show what
    /// will be different in those of here. Up to 20 clients, or those named by --client-id
    #[arg(long, value_name = "URL")]
    compare: Option<String>,
    /// A client to compare; repeatable
    #[arg(
        long = "client-id",
        value_name = "ID",
        requires = "compare",
        allow_hyphen_values = true
    )]
    pub(super) compared: Vec<String>,
    /// The realm of the file to take, where it has several; repeatable
    #[arg(long = "source-realm", value_name = "NAME")]
    source_realms: Vec<String>,
    /// Put what `client export` wrote in the place of clients that exist
    #[arg(long)]
    pub(super) overwrite: bool,
    #[command(flatten)]
    pub(super) force: Force,
    #[command(flatten)]
    pub(super) sure: Sure,
}

/// What came of an import.
pub(super) enum Imported {
    /// Of what `client export` wrote.
    Restored(Value),
    /// What is different between another server and this one.
    Compared(Box<Comparison>),
    /// Of another system's clients.
    Registered {
        /// What was written or printed.
        written: Map<String, Value>,
        report: Report,
        /// Whether nothing was written, because something is wrong.
        is_refused: bool,
    },
}

impl Imported {
    /// The result for a program, unless it was refused.
    pub(super) fn into_result(self) -> Result<Value, Error> {
        match self {
            Self::Restored(result) => Ok(result),
            Self::Compared(comparison) => Ok(comparison.json()),
            Self::Registered {
                report,
                is_refused: true,
                ..
            } => {
                let lines = report.lines().join("\n");
                Err(Error::State(format!("{lines}\n{}", report.outcome)))
            }
            Self::Registered {
                written, report, ..
            } => Ok(whole(written, &report)),
        }
    }

    /// Prints it: on a terminal tables, else JSON, and lines for people beside it.
    pub(super) fn print(self, target: &Target, json: bool) -> Result<ExitCode, Error> {
        let is_json = target.kind == Kind::Print;
        match self {
            Self::Restored(result) => {
                let view = if is_json { View::Json } else { View::Members };
                output::print(&result, view, json)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Compared(comparison) => {
                comparison.print(json)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Registered {
                written,
                report,
                is_refused,
            } => {
                if is_json || json || !output::is_for_people() {
                    for line in report.lines() {
                        eprintln!("{line}");
                    }
                    eprintln!("{}", report.outcome);
                    output::print(&whole(written, &report), View::Json, json)?;
                } else {
                    output::write(report.for_people().as_bytes())?;
                }
                Ok(if is_refused {
                    ExitCode::FAILURE
                } else {
                    ExitCode::SUCCESS
                })
            }
        }
    }
}

fn whole(mut written: Map<String, Value>, report: &Report) -> Value {
    written.extend(report.json());
    Value::Object(written)
}

pub(super) fn run(arguments: &Import, target: &Target) -> Result<Imported, Error> {
    let Import { file, partial, .. } = arguments;
    let path = Path::new(file);
    let argument = |why: String| Error::Argument(format!("{file}: {why}"));
    let text = match path.is_dir() {
        true => None,
        false => Some(import::text_of(path).map_err(argument)?),
    };
    if let Some((text, _)) = &text
        && let Ok(list) = serde_json::from_str::<Vec<Object>>(text)
        && is_export(&list)
    {
        let is_for_others = arguments.dry_run
            || arguments.generate_secrets
            || arguments.markdown.is_some()
            || arguments.secrets.is_some()
            || arguments.compare.is_some()
            || !arguments.source_realms.is_empty();
        if is_for_others {
            return Err(Error::Argument(format!(
                "{file} is what `client export` wrote, which is restored as it is: --dry-run, \
                 --markdown, --secrets, --generate-secrets, --source-realm and --compare go with other files; \
                 --print shows what would be restored"
            )));
        }
        return restore::run(list, arguments, target).map(Imported::Restored);
    }
    let realm = arguments.realms.realm.as_ref();
    let realm = realm.filter(|_| !arguments.overwrite).ok_or_else(|| {
        Error::Argument(format!(
            "--all-realms and --overwrite go with what `client export` wrote, and {file} is not: \
             name the realm with --realm"
        ))
    })?;
    // Before a long reading: it is not for nothing then.
    for output in [&arguments.markdown, &arguments.secrets]
        .into_iter()
        .flatten()
    {
        is_new(Path::new(output))?;
    }
    let destination = unservable::Destination::read(target);
    arguments
        .force
        .refuse(&Vec::from_iter(destination.unconfigured(realm)))?;
    let wrangler_toml = WranglerToml::read(target).ok();
    let variables = wrangler_toml
        .as_ref()
        .map(WranglerToml::realms)
        .unwrap_or_default();
    let configured = configured(&variables, realm);
    let dialect = dialect(&variables, realm);
    let into = Destination {
        realm: realm.as_str(),
        dialect: dialect.unwrap_or(&KEYCLOAK),
        is_configured: dialect.is_some(),
        has_login: configured.is_some_and(|realm| realm.get("login_url").is_some()),
        sources: &arguments.source_realms,
    };
    let mut read = match &text {
        None => import::read_folder(path, &into),
        Some((text, _)) => import::read(text, &into),
    }
    .map_err(argument)?;
    if let Some(encoding) = text.and_then(|(_, encoding)| encoding) {
        read.about.insert(0, format!("it is {encoding}"));
    }
    if let Some(server) = &arguments.compare {
        let configured = destination.realm(realm);
        let comparison = compare::run(read, configured, server, arguments, target)?;
        if let Some(markdown) = &arguments.markdown {
            write_new(Path::new(markdown), &comparison.markdown())?;
        }
        return Ok(Imported::Compared(Box::new(comparison)));
    }
    import::fetch(&mut read.found);
    let (made, mut report) = make(read, realm, destination.realm(realm), arguments, target)?;
    let table = format!("vars.REALMS.{realm}");
    report.table = wrangler_toml.map_or(table.clone(), |toml| toml.table(&table));

    let [taken, _, wrong] = report.counts();
    let is_refused = wrong > 0 && !partial;
    report.outcome = match () {
        () if is_refused => format!(
            "{} wrong, nothing was written: correct what is wrong, or take the others with \
             --partial.",
            count(wrong, "client is", "clients are")
        ),
        () if arguments.dry_run => format!(
            "This was a dry run, nothing was written: {} would be registered in realm `{realm}`.",
            count(taken, "client", "clients")
        ),
        () if target.kind == Kind::Print => format!(
            "Nothing was written: {} printed for realm `{realm}`.",
            count(taken, "record", "records")
        ),
        () => format!(
            "Registered {} in realm `{realm}`.",
            count(taken, "client", "clients")
        ),
    };
    let mut result = Map::new();
    let mut registered = 0;
    if !is_refused && !arguments.dry_run {
        result = write(&made, realm, arguments, target)?;
        registered = if target.kind == Kind::Print { 0 } else { taken };
    }
    result.insert("written".into(), registered.into());
    if let Some(markdown) = &arguments.markdown {
        write_new(Path::new(markdown), &report.markdown())?;
    }
    Ok(Imported::Registered {
        written: result,
        report,
        is_refused,
    })
}

/// A client to register, and the secret that was generated for it.
struct Made {
    key: String,
    client: Client,
    generated: Option<ClientSecret>,
}

/// Makes records of the clients, none of which may exist already.
fn make(
    read: Read,
    realm: &RealmName,
    configured: Option<&Realm>,
    arguments: &Import,
    target: &Target,
) -> Result<(Vec<Made>, Report), Error> {
    let Read {
        found,
        mut about,
        settings,
        notes,
    } = read;
    let mut known = existing(realm, arguments, target, &mut about)?;
    let needs_key = found.iter().any(|found| match &found.outcome {
        Outcome::Client(draft) => {
            matches!(draft.secret, Secret::Given(_)) || draft.rotated.is_some()
        }
        _ => false,
    });
    let secrets_key = match needs_key && !arguments.dry_run {
        true => Some(secrets_key(target)?),
        false => None,
    };
    let maker = Maker::new(arguments, configured, secrets_key);
    let mut progress = (found.len() > STEP).then(|| Progress::new("Making records:", found.len()));
    let (mut made, mut rows) = (Vec::new(), Vec::new());
    for (found, position) in found.into_iter().zip(1_usize..) {
        let Found {
            client_id,
            place,
            outcome,
            mut notes,
        } = found;
        let mut taken = Vec::new();
        let result = match outcome {
            Outcome::LeftOut(why) => RowResult::LeftOut(why),
            Outcome::Wrong(why) => RowResult::Wrong(why),
            Outcome::Client(draft) => match maker.make(&client_id, *draft, &mut notes)? {
                Err(why) => RowResult::Wrong(why),
                Ok((client, generated)) => {
                    let key = client.client_id.record_key(realm);
                    match known.insert(key.clone(), Known::Here(place.clone())) {
                        Some(known) => RowResult::Wrong(known.to_string()),
                        None => {
                            taken = summary(&client);
                            made.push(Made {
                                key,
                                client,
                                generated,
                            });
                            RowResult::Taken
                        }
                    }
                }
            },
        };
        if result != RowResult::Taken {
            notes = Notes::default();
        }
        rows.push(Row {
            client_id,
            place,
            result,
            taken,
            notes,
        });
        if let Some(progress) = progress.as_mut().filter(|_| position.is_multiple_of(STEP)) {
            progress.add(STEP);
        }
    }
    let report = Report {
        file: arguments.file.clone(),
        realm: realm.to_string(),
        rows,
        about,
        notes,
        settings,
        table: String::new(),
        outcome: String::new(),
    };
    Ok((made, report))
}

/// After how many records progress is told.
const STEP: usize = 2_500;

/// Why a client cannot be registered once more.
enum Known {
    InRealm,
    Here(Place),
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InRealm => f.write_str("exists in the realm already, and is not overwritten"),
            Self::Here(place) => write!(f, "is in the file twice, first in {place}"),
        }
    }
}

/// The clients that are there, by their keys. A dry run goes on without.
fn existing(
    realm: &RealmName,
    arguments: &Import,
    target: &Target,
    about: &mut Vec<String>,
) -> Result<HashMap<String, Known>, Error> {
    let keys = match target.kind {
        Kind::Print => Ok(Vec::new()),
        _ => target.keys(&ClientId::record_prefix(realm)),
    };
    let keys = match keys {
        Err(error) if arguments.dry_run => {
            about.push(format!(
                "whether clients exist already was not looked at: {error}"
            ));
            Vec::new()
        }
        keys => keys?,
    };
    Ok(keys.into_iter().map(|key| (key, Known::InRealm)).collect())
}

/// What is made of a client, or what is wrong with it, which is no error of the import.
pub(super) type OrWrong<T> = Result<Result<T, String>, Error>;

/// What makes records.
pub(super) struct Maker<'a> {
    auth_method: AuthMethod,
    generate_secrets: bool,
    /// Whether it makes also what can never work, and says so.
    is_forced: bool,
    /// The realm, if it is configured and can be served.
    realm: Option<&'a Realm>,
    /// Absent in a dry run.
    secrets_key: Option<ClientSecretsKey>,
    now: UnixTime,
    operator: String,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        arguments: &Import,
        realm: Option<&'a Realm>,
        secrets_key: Option<ClientSecretsKey>,
    ) -> Self {
        Self {
            auth_method: arguments.auth_method,
            generate_secrets: arguments.generate_secrets,
            is_forced: arguments.force.force,
            realm,
            secrets_key,
            now: now(),
            operator: operator(),
        }
    }

    /// One that takes each secret as it is: it is what the other server knows, and nothing is stored.
    pub(super) fn for_comparison(
        arguments: &Import,
        realm: &'a Realm,
        secrets_key: Option<ClientSecretsKey>,
    ) -> Self {
        Self {
            generate_secrets: false,
            is_forced: true,
            ..Self::new(arguments, Some(realm), secrets_key)
        }
    }

    /// Makes the record of one client, and a secret where it needs one; or says why not.
    pub(super) fn make(
        &self,
        client_id: &str,
        mut draft: Draft,
        notes: &mut Notes,
    ) -> OrWrong<(Client, Option<ClientSecret>)> {
        let Some(id) = ClientId::parse(client_id) else {
            return Ok(Err(
                "its id must be 1 to 255 printable ASCII characters".to_owned()
            ));
        };
        let method = draft
            .members
            .entry("token_endpoint_auth_method")
            .or_insert_with(|| self.auth_method.name().into());
        let uses_secret = method
            .as_str()
            .and_then(AuthMethod::parse)
            .is_some_and(AuthMethod::uses_secret);
        let mut generated = None;
        if uses_secret && !draft.members.contains_key("secrets") {
            match self.secrets(&mut draft, notes)? {
                Err(why) => return Ok(Err(why)),
                Ok((secrets, new)) => {
                    draft
                        .members
                        .insert("secrets".into(), serde_json::to_value(secrets)?);
                    generated = new;
                }
            }
        }
        let has_scopes_of_realm = draft.has_scopes_of_realm;
        draft.set("version", 1);
        draft.set("updated_at", self.now.seconds());
        draft.set("updated_by", self.operator.as_str());
        let record = Value::Object(draft.members).to_string();
        let client = Client::parse(&record, &id);
        let written = client.and_then(|client| client.check_written().map(|()| client));
        let client = match written {
            Ok(client) => client,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut wrong = unservable::unservable(&client, self.realm);
        match unservable::unknown_scopes(&client, self.realm) {
            // The client goes on without them, and its realm may get them.
            Some(why) if has_scopes_of_realm => notes.task(why),
            why => wrong.extend(why),
        }
        if unservable::lacks_login(&client, self.realm) {
            notes.task(
                "it signs people in, and the realm has no `login_url` yet, in wrangler.toml: until \
                 then it has no authorization endpoint",
            );
        }
        match wrong.is_empty() || self.is_forced {
            true => {
                for why in wrong {
                    notes.task(why);
                }
                Ok(Ok((client, generated)))
            }
            false => Ok(Err(format!("{} (--force)", wrong.join("; ")))),
        }
    }

    /// What is stored of the secrets, and the one that was generated.
    fn secrets(
        &self,
        draft: &mut Draft,
        notes: &mut Notes,
    ) -> OrWrong<(Vec<StoredSecret>, Option<ClientSecret>)> {
        let ends = draft.secret_expires_at.map(UnixTime::from_seconds);
        let mut given = match std::mem::take(&mut draft.secret) {
            Secret::Given(secret) => Some(secret),
            Secret::Missing => None,
            Secret::Unusable(_) if self.generate_secrets => None,
            Secret::Unusable(why) => return Ok(Err(why)),
        };
        if let Some(end) = ends.filter(|end| *end <= self.now && given.is_some()) {
            if !self.generate_secrets {
                return Ok(Err(format!(
                    "its secret ended {}: take a new one by --generate-secrets",
                    date(end)
                )));
            }
            given = None;
        }
        let is_short = |secret: &ClientSecret| secret.reveal().chars().count() < SHORTEST_SECRET;
        if given.as_ref().is_some_and(is_short) {
            let why = format!(
                "its secret has fewer than {SHORTEST_SECRET} characters, and can be guessed"
            );
            match (self.is_forced, self.generate_secrets) {
                (true, _) => notes.task(format!("{why}: `client rotate-secret` gives it another")),
                (false, true) => given = None,
                (false, false) => {
                    return Ok(Err(format!(
                        "{why}: take a new one by --generate-secrets, or this one by --force"
                    )));
                }
            }
        }
        let mut stored = Vec::new();
        let generated = match given {
            Some(secret) => {
                stored.push(self.imported(&secret, ends)?);
                None
            }
            None => {
                notes.task("its secret is a new one: give it to the client");
                let secret = ClientSecret::generate(&random()?);
                let hash = ClientSecretHash::of_generated(&secret, random()?);
                let id = short_id()?;
                stored.push(StoredSecret {
                    id,
                    hash,
                    not_before: None,
                    expires_at: None,
                });
                Some(secret)
            }
        };
        if let Some((secret, end)) = draft.rotated.take() {
            let end = UnixTime::from_seconds(end);
            if end > self.now {
                stored.push(self.imported(&secret, Some(end))?);
            }
        }
        Ok(Ok((stored, generated)))
    }

    fn imported(
        &self,
        secret: &ClientSecret,
        ends: Option<UnixTime>,
    ) -> Result<StoredSecret, Error> {
        let salt = random()?;
        let hash = match &self.secrets_key {
            Some(key) => ClientSecretHash::of_imported(secret, salt, key),
            // Of a dry run, which writes it nowhere.
            None => ClientSecretHash::of_generated(&ClientSecret::new(String::new()), salt),
        };
        Ok(StoredSecret {
            id: short_id()?,
            hash,
            not_before: None,
            expires_at: ends,
        })
    }
}

/// Writes or prints what was made, and returns what the report has of it.
fn write(
    made: &[Made],
    realm: &RealmName,
    arguments: &Import,
    target: &Target,
) -> Result<Map<String, Value>, Error> {
    let mut report = Map::new();
    let generated = made.iter().filter_map(|made| {
        let secret = made.generated.as_ref()?;
        Some(json!({ "client_id": made.client.client_id, "client_secret": secret.reveal() }))
    });
    let generated = generated.collect::<Vec<_>>();
    let pair = |made: &Made| {
        let value = serde_json::to_string(&made.client)?;
        Ok(Pair {
            key: made.key.clone(),
            value,
        })
    };
    let mut pairs = made.iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
    if target.kind == Kind::Print {
        report.insert("kv".into(), serde_json::to_value(&pairs)?);
        if !generated.is_empty() {
            report.insert("client_secrets".into(), generated.into());
        }
        return Ok(report);
    }
    if !generated.is_empty() {
        let path = match &arguments.secrets {
            Some(path) => PathBuf::from(path),
            None => Path::new(&arguments.file).with_extension("secrets.json"),
        };
        is_new(&path)?;
        let lines = generated.iter().map(Value::to_string).collect::<Vec<_>>();
        // Before the records: a secret that is nowhere else must not be lost.
        write_new(&path, &format!("[\n{}\n]\n", lines.join(",\n")))?;
        let path = path.display().to_string();
        eprintln!(
            "Generated {}: {path}, which you alone may read, has them. Give them to their clients, \
             and delete it.",
            count(generated.len(), "secret", "secrets")
        );
        report.insert("secrets_file".into(), path.into());
    }
    if !pairs.is_empty() {
        let clients = made.iter().map(|made| made.client.client_id.clone());
        let clients = clients.collect::<Vec<_>>();
        let lines = audit::of_clients("import", realm, &clients, now(), &operator())?;
        // The lines go first: if the rest fails, they say where to look.
        pairs.splice(0..0, lines);
        target.put(&pairs).map_err(|error| {
            Error::Wrangler(format!(
                "{error}\nSome of the clients may be there: the same command with --partial \
                 registers the others"
            ))
        })?;
    }
    Ok(report)
}

/// What a client has here, in few words.
fn summary(client: &Client) -> Vec<String> {
    let short = |grant: &String| match grant.rsplit_once(':') {
        Some((_, last)) => last.to_owned(),
        None => grant.clone(),
    };
    let grants = client.grant_types.iter().map(short).collect::<Vec<_>>();
    let mut words = vec![
        grants.join(", "),
        client.token_endpoint_auth_method.name().to_owned(),
    ];
    for (list, one, many) in [
        (client.scope.tokens().len(), "scope", "scopes"),
        (client.redirect_uris.len(), "redirect URI", "redirect URIs"),
        (client.audience.len(), "audience", "audiences"),
        (client.claims.len(), "claim", "claims"),
        (
            client.secrets.len().saturating_sub(1),
            "older secret",
            "older secrets",
        ),
    ] {
        if list > 0 {
            words.push(count(list, one, many));
        }
    }
    if let Some(ttl) = client.access_token_ttl {
        words.push(format!("{} s", ttl.0));
    }
    for (is_so, word) in [
        (client.require_pkce, "PKCE required"),
        (
            client.require_pushed_authorization_requests,
            "pushed requests required",
        ),
        (client.require_bound_tokens, "bound"),
        (client.dpop_bound_access_tokens, "DPoP-bound"),
        (
            client.tls_client_certificate_bound_access_tokens,
            "certificate-bound",
        ),
        (client.disabled, "disabled"),
        (client.trusted, "trusted"),
    ] {
        if is_so {
            words.push(word.to_owned());
        }
    }
    words
}

pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn is_new(path: &Path) -> Result<(), Error> {
    match fs::exists(path).unwrap_or(true) {
        true => Err(Error::Argument(format!(
            "{} exists, nothing was written: name another file",
            path.display()
        ))),
        false => Ok(()),
    }
}

/// Writes a file that only its owner may read.
fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Error::File {
        path: path.display().to_string(),
        error,
    })
}
