//! Customers in Redis, in a form that any other system can write.
//!
//! ```text
//! HSET tierline:customer:C-17 tier gold name "Ada Example" attr:city Springfield
//! SET  tierline:ident:phone:+12025550117 C-17
//! SET  tierline:ident:email:ada@example.com C-17
//! ```
//!
//! A hash a customer: `tier`, `name` and any number of `attr:KEY` may be there, fields with other
//! names are left alone when read. A key an identifier, whose value is the customer's id; its
//! name holds the identifier in the normal form of [`Identifier`]. Tierline's own writes keep one
//! field more, `identifiers`, a line for each as `kind:value`, so that they can be taken away again.
//!
//! A write is one script call, which Redis runs as a whole: what is taken away depends on what is
//! there, and `MULTI` cannot look. Keys that the script finds while it runs are why a cluster, which
//! wants to know all keys beforehand, is only read.

mod scan;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value, cmd};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::customer::{
    ATTRIBUTES_MAX, Amendment, Customer, Identifier, IdentifierKind, NAME_CHARS_MAX,
    TIER_CHARS_MAX, VALUE_CHARS_MAX, check_attribute, is_text,
};
use super::front::ReadError;
use super::link::{Link, Question, Target};
use super::tracking::{self, Ear};
use super::{Error, Health};

/// Stores the customers of ARGV[2], an array of {id, fields, identifiers} in JSON, and returns the
/// identifiers that no longer name the customer that had them. `pcall` and the type check make a key
/// of a wrong type the same as none.
const PUT: &str = r"
local customers, idents = ARGV[1] .. ':customer:', ARGV[1] .. ':ident:'
local function text(...)
  local reply = redis.pcall(...)
  return type(reply) == 'string' and reply or ''
end
local gone = {}
for _, customer in ipairs(cjson.decode(ARGV[2])) do
  local hash, kept = customers .. customer.id, {}
  for _, ident in ipairs(customer.identifiers) do kept[ident] = true end
  for ident in text('HGET', hash, 'identifiers'):gmatch('[^\n]+') do
    if not kept[ident] then
      gone[#gone + 1] = ident
      if text('GET', idents .. ident) == customer.id then redis.call('DEL', idents .. ident) end
    end
  end
  for _, ident in ipairs(customer.identifiers) do
    local owner = text('GET', idents .. ident)
    if owner ~= '' and owner ~= customer.id then
      local listed, rest = text('HGET', customers .. owner, 'identifiers'), {}
      for other in listed:gmatch('[^\n]+') do
        if other ~= ident then rest[#rest + 1] = other end
      end
      if listed ~= '' then
        redis.call('HSET', customers .. owner, 'identifiers', table.concat(rest, '\n'))
      end
    end
    redis.call('SET', idents .. ident, customer.id)
  end
  redis.call('DEL', hash)
  redis.call('HSET', hash, unpack(customer.fields))
end
return gone
";

/// Changes fields of the customer of ARGV[2], {id, expected, set, removed} in JSON, if those expected are so, and
/// returns whether they were. What is removed goes first: a user who may not do that has changed nothing.
const AMEND: &str = r"
local asked = cjson.decode(ARGV[2])
local hash = ARGV[1] .. ':customer:' .. asked.id
if redis.call('EXISTS', hash) == 0 then return 0 end
for _, field in ipairs(asked.expected) do
  if (redis.call('HGET', hash, field[1]) or nil) ~= field[2] then return 0 end
end
if #asked.removed > 0 then redis.call('HDEL', hash, unpack(asked.removed)) end
if #asked.set > 0 then redis.call('HSET', hash, unpack(asked.set)) end
return 1
";

/// Removes the customer ARGV[2] and returns the identifiers that it had, or nil if there is none.
const DELETE: &str = r"
local hash, idents = ARGV[1] .. ':customer:' .. ARGV[2], ARGV[1] .. ':ident:'
local function text(...)
  local reply = redis.pcall(...)
  return type(reply) == 'string' and reply or ''
end
if redis.call('EXISTS', hash) == 0 then return false end
local gone = {}
for ident in text('HGET', hash, 'identifiers'):gmatch('[^\n]+') do
  gone[#gone + 1] = ident
  if text('GET', idents .. ident) == ARGV[2] then redis.call('DEL', idents .. ident) end
end
redis.call('DEL', hash)
return gone
";

/// Customers that one script stores: Redis answers nobody else meanwhile, and a hundred take it a
/// millisecond.
const SCRIPT_CUSTOMERS_MAX: usize = 100;

/// What one customer is for the script.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    /// Field, value, field, value: as HSET takes them.
    fields: Vec<String>,
    /// As `kind:value`.
    identifiers: Vec<String>,
}

/// What an amendment is for the script. Fields are attributes as the hash has them.
#[derive(Serialize)]
struct Amended<'a> {
    id: &'a str,
    /// Field and value, or the field alone where it must not be there.
    expected: Vec<Vec<String>>,
    /// Field, value, field, value.
    set: Vec<String>,
    removed: Vec<String>,
}

pub(super) struct Redis {
    target: Arc<Target>,
    link: Link,
    prefix: String,
    cluster: bool,
}

/// Why a command has no answer.
enum Trouble {
    NotConnected(String),
    Redis(RedisError),
    Malformed(&'static str),
}

impl Redis {
    /// Begins to connect; does not wait for it.
    pub(super) fn open(url: &str, password: Option<&str>, prefix: &str) -> Result<Self, Error> {
        let target = Arc::new(Target::parse(url, password)?);
        let cluster = matches!(*target, Target::Cluster { .. });
        let link = Link::to(Arc::clone(&target));
        Ok(Self { target, link, prefix: prefix.to_owned(), cluster })
    }

    /// Begins to hear of changes; see [`tracking`].
    pub(super) fn listen(
        &self,
        budget: Duration,
        ear: Weak<dyn Ear>,
        alive: watch::Receiver<Health>,
    ) {
        tracking::begin(Arc::clone(&self.target), &self.prefix, budget, ear, alive);
    }

    pub(super) async fn read(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<Customer>, ReadError> {
        self.find(identifier).await.map_err(ReadError::from)
    }

    pub(super) async fn probe(&self, budget: Duration) -> Result<(), ReadError> {
        // The first half of a lookup, with an identifier that cannot be: what this user may read and
        // what a loading server refuses is the same for both.
        let get = command("GET", &self.ident_key(IdentifierKind::Id, ""));
        let answered = timeout(budget, self.ask::<Value>(&get)).await.map_err(|_| {
            self.renew();
            ReadError::TimedOut
        })?;
        answered.map(|_| ()).map_err(ReadError::from)
    }

    /// The server may be frozen, replaced by another, or gone without a word. Only a new connection
    /// can tell.
    pub(super) fn renew(&self) {
        self.link.renew();
    }

    /// Changes with every connection that is made.
    pub(super) fn connections(&self) -> watch::Receiver<u64> {
        self.link.made()
    }

    pub(super) async fn get(&self, id: &str) -> Result<Option<Customer>, Error> {
        let operation = "get a customer";
        self.customer(id).await.map_err(|trouble| trouble.into_error(operation))
    }

    pub(super) async fn put(&self, customers: &[Customer]) -> Result<Vec<Identifier>, Error> {
        let operation = "put customers";
        self.check_writable(operation)?;
        let mut scripts = Pipeline::new();
        for some in customers.chunks(SCRIPT_CUSTOMERS_MAX) {
            let written: Vec<Written<'_>> = some.iter().map(Written::from).collect();
            let json = serde_json::to_string(&written).expect("strings and lists are JSON");
            scripts.add_command(self.script(PUT, &json));
        }
        let gone = self.ask_all::<Vec<String>>(&scripts).await;
        let gone = gone.map_err(|trouble| trouble.into_error(operation))?;
        Ok(identifiers(gone.iter().flatten()))
    }

    pub(super) async fn amend(&self, amendment: &Amendment) -> Result<bool, Error> {
        let operation = "amend a customer";
        self.check_writable(operation)?;
        let json = serde_json::to_string(&Amended::from(amendment)).expect("strings are JSON");
        let done = self.ask::<i64>(&self.script(AMEND, &json)).await;
        Ok(done.map_err(|trouble| trouble.into_error(operation))? == 1)
    }

    pub(super) async fn delete(&self, id: &str) -> Result<Option<Vec<Identifier>>, Error> {
        let operation = "delete a customer";
        self.check_writable(operation)?;
        let gone = self.ask::<Option<Vec<String>>>(&self.script(DELETE, id)).await;
        let gone = gone.map_err(|trouble| trouble.into_error(operation))?;
        Ok(gone.map(|names| identifiers(names.iter())))
    }

    async fn find(&self, identifier: &Identifier) -> Result<Option<Customer>, Trouble> {
        if identifier.kind() == IdentifierKind::Id {
            return self.customer(identifier.value()).await;
        }
        let key = self.ident_key(identifier.kind(), identifier.value());
        let Some(id) = self.ask::<Option<Vec<u8>>>(&command("GET", &key)).await? else {
            return Ok(None);
        };
        let id = String::from_utf8(id).map_err(|_| Trouble::Malformed("an id is not UTF-8"))?;
        self.customer(id.trim()).await
    }

    async fn customer(&self, id: &str) -> Result<Option<Customer>, Trouble> {
        let key = format!("{}:customer:{id}", self.prefix);
        let fields = self.ask::<Vec<(Vec<u8>, Vec<u8>)>>(&command("HGETALL", &key)).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        read_customer(id, fields).map(Some).map_err(Trouble::Malformed)
    }

    fn ident_key(&self, kind: IdentifierKind, value: &str) -> String {
        format!("{}:ident:{}:{value}", self.prefix, kind.as_str())
    }

    fn script(&self, text: &str, argument: &str) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(text).arg(0).arg(&self.prefix).arg(argument);
        command
    }

    fn check_writable(&self, operation: &'static str) -> Result<(), Error> {
        if self.cluster { Err(Error::ReadOnlyCluster { operation }) } else { Ok(()) }
    }

    /// One command and its answer.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Trouble> {
        let value = self.answer(Question::One(command)).await?;
        T::from_redis_value(value).map_err(|_| Trouble::Malformed("a key has an unexpected type"))
    }

    /// Many commands at once and their answers, in order.
    async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<Vec<T>, Trouble> {
        let values = self.answer(Question::Many(commands)).await?;
        Vec::from_redis_value(values)
            .map_err(|_| Trouble::Malformed("a key has an unexpected type"))
    }

    /// Asks over the connection there is. If it turns out to be broken, as one does that the server
    /// closed while it was idle, once more over the next: everything asked here can be repeated.
    async fn answer(&self, question: Question<'_>) -> Result<Value, Trouble> {
        let mut after = 0;
        loop {
            let (mut connection, number) =
                self.link.ready(after).await.map_err(Trouble::NotConnected)?;
            match connection.ask(question).await {
                Ok(value) => return Ok(value),
                Err(error) if is_broken(&error) => {
                    self.link.broken(number);
                    if after > 0 {
                        return Err(Trouble::Redis(error));
                    }
                    after = number;
                }
                Err(error) => return Err(Trouble::Redis(error)),
            }
        }
    }
}

/// Whether another connection could do better; a server that became a replica counts, since a
/// sentinel knows who is the master now.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

fn command(name: &str, key: &str) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

impl Trouble {
    fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::NotConnected(reason) => Error::NotConnected { operation, reason },
            Self::Redis(error) if error.code() == Some("WRONGTYPE") => {
                Error::Malformed { operation, reason: WRONG_TYPE }
            }
            Self::Redis(source) => Error::Redis { operation, source },
            Self::Malformed(reason) => Error::Malformed { operation, reason },
        }
    }
}

const WRONG_TYPE: &str = "a key has the wrong type";

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotConnected(reason) => Self::Failed(reason),
            Trouble::Redis(error) if error.code() == Some("WRONGTYPE") => {
                Self::Malformed(WRONG_TYPE)
            }
            Trouble::Redis(error) => Self::Failed(error.to_string()),
            Trouble::Malformed(reason) => Self::Malformed(reason),
        }
    }
}

impl<'a> From<&'a Customer> for Written<'a> {
    fn from(customer: &'a Customer) -> Self {
        let identifiers: Vec<String> = customer
            .identifiers
            .iter()
            .map(|i| format!("{}:{}", i.kind().as_str(), i.value()))
            .collect();
        let mut fields = vec!["tier".to_owned(), customer.tier.clone().unwrap_or_default()];
        if let Some(name) = &customer.name {
            fields.extend(["name".to_owned(), name.clone()]);
        }
        if !identifiers.is_empty() {
            // Control characters are not allowed in a value, so a line is a line.
            fields.extend(["identifiers".to_owned(), identifiers.join("\n")]);
        }
        for (key, value) in &customer.attributes {
            fields.extend([field_of(key), value.clone()]);
        }
        Self { id: &customer.id, fields, identifiers }
    }
}

impl<'a> From<&'a Amendment> for Amended<'a> {
    fn from(amendment: &'a Amendment) -> Self {
        let mut amended =
            Self { id: &amendment.id, expected: vec![], set: vec![], removed: vec![] };
        for (key, value) in &amendment.expected {
            amended.expected.push([field_of(key)].into_iter().chain(value.clone()).collect());
        }
        for (key, value) in &amendment.changes {
            match value {
                Some(value) => amended.set.extend([field_of(key), value.clone()]),
                None => amended.removed.push(field_of(key)),
            }
        }
        amended
    }
}

/// The field of an attribute.
fn field_of(key: &str) -> String {
    format!("attr:{key}")
}

/// Reads what someone wrote. A tier must be right if it is there, for it decides; of the rest, what
/// is outside the limits is left out.
fn read_customer(id: &str, fields: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Customer, &'static str> {
    let mut customer = Customer {
        id: id.to_owned(),
        tier: None,
        name: None,
        identifiers: vec![],
        attributes: BTreeMap::new(),
    };
    if !is_text(id, 1, VALUE_CHARS_MAX) {
        return Err("an identifier names a customer id outside the limits");
    }
    for (field, value) in fields {
        if field == b"tier" && std::str::from_utf8(&value).is_err() {
            return Err(BAD_TIER);
        }
        let (Ok(field), Ok(value)) = (String::from_utf8(field), String::from_utf8(value)) else {
            continue;
        };
        match field.as_str() {
            "tier" => {
                customer.tier = Some(value.trim().to_owned()).filter(|tier| !tier.is_empty());
            }
            "name" => {
                customer.name =
                    Some(value.trim().to_owned()).filter(|n| is_text(n, 1, NAME_CHARS_MAX));
            }
            "identifiers" => customer.identifiers = identifiers(value.lines()),
            _ => {
                if let Some(key) = field.strip_prefix("attr:")
                    && check_attribute(key, &value).is_ok()
                    && customer.attributes.len() < ATTRIBUTES_MAX
                {
                    customer.attributes.insert(key.to_owned(), value);
                }
            }
        }
    }
    if customer.tier.as_ref().is_none_or(|tier| is_text(tier, 1, TIER_CHARS_MAX)) {
        Ok(customer)
    } else {
        Err(BAD_TIER)
    }
}

const BAD_TIER: &str = "a customer's tier is outside the limits";

/// Reads `kind:value` lines; what is none is left out.
fn identifiers(lines: impl Iterator<Item = impl AsRef<str>>) -> Vec<Identifier> {
    lines
        .filter_map(|line| {
            let (kind, value) = line.as_ref().split_once(':')?;
            Identifier::new(kind.parse().ok()?, value).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        pairs.iter().map(|(f, v)| (f.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let identifier = |kind, value| Identifier::new(kind, value).unwrap();
        let customer = Customer {
            id: "C-1".into(),
            tier: Some("gold".into()),
            name: Some("Ada \"the\" Example".into()),
            identifiers: vec![
                identifier(IdentifierKind::Phone, "+12025550101"),
                identifier(IdentifierKind::Account, "a:b"),
            ],
            attributes: BTreeMap::from([("a:b".into(), String::new())]),
        };
        let written = Written::from(&customer);
        let pairs: Vec<_> = written
            .fields
            .chunks(2)
            .map(|pair| (pair[0].clone().into_bytes(), pair[1].clone().into_bytes()))
            .collect();
        assert!(read_customer("C-1", pairs) == Ok(customer));
    }

    #[test]
    fn only_the_tier_must_be_right_in_what_others_write() {
        let long = "x".repeat(2000);
        let customer = read_customer(
            "C-1",
            fields(&[
                ("tier", " gold "),
                ("name", &long),
                ("identifiers", "phone:+1\nfax:2\nnothing\nemail:A@b.example"),
                ("attr:city", "Springfield"),
                ("attr:", "no key"),
                ("attr:long", &long),
                ("segment", "someone else's field"),
            ]),
        )
        .unwrap();
        assert_eq!(customer.tier.as_deref(), Some("gold"));
        assert_eq!(customer.name, None);
        assert_eq!(customer.identifiers.len(), 2);
        assert_eq!(customer.attributes, BTreeMap::from([("city".into(), "Springfield".into())]));

        for none in [&[("name", "Ada")][..], &[("tier", "")]] {
            assert_eq!(read_customer("C-1", fields(none)).unwrap().tier, None);
        }
        assert!(read_customer("C-1", fields(&[("tier", &long)])).is_err());
        let not_utf8 = vec![(b"tier".to_vec(), vec![0xff])];
        assert!(read_customer("C-1", not_utf8).is_err());
    }
}
