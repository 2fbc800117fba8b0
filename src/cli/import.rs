//! `tierline customers import`: a CSV file into the directory, over one stream, with progress.

use super::Context;
use super::connect::Connection;
use super::console;
use super::direct::{self, Direct};
use super::fault::Fault;
use super::humane;
use super::table::printable;
use super::who::contract_kind;
use crate::api::proto::v1;
use crate::clock;
use crate::coding::replacing;
use crate::directory::{Customer, Directory, csv};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

/// Rows in one message: as many as the contract allows.
const BATCH_ROWS_MAX: usize = 500;
/// Text in one message. The smallest message limit a server can be set to is 128 KiB.
const BATCH_BYTES_MAX: usize = 96 << 10;
/// Batches read ahead of the server: enough to keep it busy, too few to matter in memory.
const BATCHES_AHEAD: usize = 4;
/// Faulty lines that are listed; the server lists as many of a stream.
const FAULTS_SHOWN_MAX: usize = 100;
/// Names of tiers remembered for the warning about unknown ones.
const TIERS_MAX: usize = 1000;
/// Time between two plain progress lines.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Make or replace many customers from a CSV file.
///
/// Through the server, or with --redis straight into a Redis that servers read.
///
/// The first row names the columns, in any order: id must be there; tier, name, phone, card, email, account and any
/// number of attr:KEY may be. Several phones, cards, emails or accounts stand in one cell with ; between them. Faulty
/// rows are listed with their lines and left out, the rest goes in. Importing a file again does no harm.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 all are in, 65 some rows are faulty (the others are in), 69 the directory or the server is away.

JSON fields: file, row_count, stored_count, refused_count, faults [{line, message}], unknown_tiers [{tier, customers}].

Examples:
  tierline customers import config/customers.csv
  tierline customers import customers.csv --redis redis://127.0.0.1:6379 --phone-region DE
  tierline customers import export.csv --with-farewells

The file:
  id,tier,name,phone,email,attr:city
  C-17,gold,Ada Example,+1 202 555 0117;+1 202 555 0118,ada@example.com,Springfield")]
pub(crate) struct Import {
    /// The file: UTF-8, commas, quotes as in RFC 4180
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Take over farewells that were decided elsewhere, as of an export: the names in the file are believed
    ///
    /// Without it a row is refused that would make a farewell, or change who proposed or confirmed one.
    #[arg(long)]
    with_farewells: bool,
    #[command(flatten)]
    direct: Direct,
}

/// What became of an import, for programs.
#[derive(Default, Serialize)]
struct Summary {
    file: String,
    row_count: u64,
    stored_count: u64,
    refused_count: u64,
    faults: Vec<LineFault>,
    unknown_tiers: Vec<UnknownTier>,
}

#[derive(Serialize)]
struct LineFault {
    line: u64,
    message: String,
}

/// A tier that the policy does not have, and how many customers have it.
#[derive(Serialize)]
pub(crate) struct UnknownTier {
    tier: String,
    customers: u64,
}

/// What reading the file found, beside the customers.
#[derive(Default)]
struct Reading {
    refused_count: u64,
    faults: Vec<LineFault>,
    tiers: BTreeMap<String, u64>,
}

/// Customers on their way, and how many bytes of the file have been read with them.
struct Batch {
    rows: Vec<(u64, Customer)>,
    bytes_read: u64,
}

/// Whom the customers go to.
enum Destination {
    Server(Connection),
    Redis(Directory),
}

impl Import {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let failed = |source| Fault::File { path: self.file.clone(), source };
        let file = File::open(&self.file).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let bytes_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, bytes_read: Arc::clone(&bytes_read) };
        // The titles are checked before anybody is asked.
        let name = self.file.display().to_string();
        let rows = csv::read(counted)
            .map_err(|error| Fault::Data(printable(&format!("{name}: {error}"))))?;
        let into = match self.direct.open(context.timeout).await? {
            Some(directory) => Destination::Redis(directory),
            None => Destination::Server(context.connect().await?),
        };
        let with_farewells = self.with_farewells;
        let started = clock::stopwatch();
        let mut progress = Progress::start(size, context.is_json());
        let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
        let reader = tokio::task::spawn_blocking(move || read(rows, &bytes_read, &batches));
        let sent = send(&into, with_farewells, receiver, &mut progress).await;
        let reading = reader.await.expect("reading a file does not panic");
        progress.end();
        let Sent { row_count, stored_count, refused_count, faults, end } = sent;
        let mut summary = Summary {
            file: name,
            row_count: row_count + reading.refused_count,
            stored_count,
            refused_count: refused_count + reading.refused_count,
            faults: reading.faults,
            unknown_tiers: vec![],
        };
        summary.faults.extend(faults);
        summary.faults.sort_by_key(|fault| fault.line);
        if end.is_ok()
            && let Destination::Server(connection) = &into
        {
            summary.unknown_tiers = unknown_tiers(connection, reading.tiers).await;
        }
        tell(context, &summary, started)?;
        match end {
            Err(fault) => {
                console::note("the import stopped early: import the file again, it does no harm");
                Err(fault)
            }
            Ok(()) if summary.refused_count > 0 => Err(Fault::Told(65)),
            Ok(()) => Ok(()),
        }
    }
}

fn tell(context: &Context, summary: &Summary, started: Instant) -> Result<(), Fault> {
    if context.is_json() {
        return console::json(summary);
    }
    for fault in &summary.faults {
        console::note(format_args!("line {}: {}", fault.line, printable(&fault.message)));
    }
    let listed = summary.faults.len() as u64;
    if summary.refused_count > listed {
        console::note(format_args!("and {} more", summary.refused_count - listed));
    }
    warn(&summary.unknown_tiers);
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let refused = match summary.refused_count {
        0 => String::new(),
        refused => format!(", {} refused", humane::count(refused, "line")),
    };
    console::say(format_args!(
        "{}: {} of {} stored{refused}, in {}\n",
        summary.file,
        summary.stored_count,
        humane::count(summary.row_count, "customer"),
        humane::duration(took_ms)
    ))
}

/// Warns of tiers that the policy does not have; the customers are stored all the same.
pub(crate) fn warn(unknown_tiers: &[UnknownTier]) {
    for unknown in unknown_tiers {
        console::note(format_args!(
            "warning: tier {:?} of {} is not in the policy: their tickets get the tier of unknown customers",
            unknown.tier,
            humane::count(unknown.customers, "customer")
        ));
    }
}

/// Reads the file to its end, or until nobody wants the rest.
fn read(
    rows: csv::Rows<Counted>,
    bytes_read: &AtomicU64,
    batches: &mpsc::Sender<Batch>,
) -> Reading {
    let mut reading = Reading::default();
    let mut batch = vec![];
    let mut batch_bytes = 0;
    let send = |rows: Vec<(u64, Customer)>| {
        let bytes_read = bytes_read.load(Ordering::Relaxed);
        batches.blocking_send(Batch { rows, bytes_read }).is_ok()
    };
    for (line, row) in rows {
        let customer = match row {
            Ok(customer) => customer,
            Err(error) => {
                reading.refused_count += 1;
                if reading.faults.len() < FAULTS_SHOWN_MAX {
                    let message = format!("{}: {}", error.column, error.problem);
                    reading.faults.push(LineFault { line, message });
                }
                continue;
            }
        };
        if let Some(tier) = &customer.tier
            && (reading.tiers.len() < TIERS_MAX || reading.tiers.contains_key(tier))
        {
            *reading.tiers.entry(tier.clone()).or_default() += 1;
        }
        let bytes = text_bytes(&customer);
        if batch.len() == BATCH_ROWS_MAX || batch_bytes + bytes > BATCH_BYTES_MAX {
            if !batch.is_empty() && !send(std::mem::take(&mut batch)) {
                return reading;
            }
            batch_bytes = 0;
        }
        batch_bytes += bytes;
        batch.push((line, customer));
    }
    if !batch.is_empty() {
        send(batch);
    }
    reading
}

/// About what the customer takes in a message.
fn text_bytes(customer: &Customer) -> usize {
    /// Tags and lengths of one text.
    const OVERHEAD: usize = 12;
    let name = customer.name.as_ref().map_or(0, String::len);
    let identifiers = customer.identifiers.iter().map(|identifier| identifier.value().len());
    let attributes = customer.attributes.iter().map(|(key, value)| key.len() + value.len());
    let texts = identifiers.chain(attributes).map(|bytes| bytes + OVERHEAD).sum::<usize>();
    let tier = customer.tier.as_ref().map_or(0, String::len);
    customer.id.len() + tier + name + texts + 4 * OVERHEAD
}

fn row((line, customer): (u64, Customer)) -> v1::ImportRow {
    v1::ImportRow { line, customer: Some(contract(customer)) }
}

fn contract(customer: Customer) -> v1::Customer {
    let identifiers = customer.identifiers.iter().map(|identifier| v1::CustomerIdentifier {
        kind: contract_kind(identifier.kind()) as i32,
        value: identifier.value().to_owned(),
    });
    v1::Customer {
        identifiers: identifiers.collect(),
        customer_id: customer.id,
        tier: customer.tier.unwrap_or_default(),
        attributes: customer.attributes,
        name: customer.name.unwrap_or_default(),
    }
}

/// What the server said, and how the stream ended.
struct Sent {
    row_count: u64,
    stored_count: u64,
    refused_count: u64,
    faults: Vec<LineFault>,
    end: Result<(), Fault>,
}

async fn send(
    into: &Destination,
    with_farewells: bool,
    batches: mpsc::Receiver<Batch>,
    progress: &mut Progress,
) -> Sent {
    let mut sent =
        Sent { row_count: 0, stored_count: 0, refused_count: 0, faults: vec![], end: Ok(()) };
    sent.end = match into {
        Destination::Server(connection) => {
            exchange(connection, with_farewells, batches, progress, &mut sent).await
        }
        Destination::Redis(directory) => {
            store(directory, with_farewells, batches, progress, &mut sent).await
        }
    };
    sent
}

/// Stores batch after batch: the next is read and checked meanwhile, and Redis does one thing at a time.
async fn store(
    directory: &Directory,
    with_farewells: bool,
    mut batches: mpsc::Receiver<Batch>,
    progress: &mut Progress,
    sent: &mut Sent,
) -> Result<(), Fault> {
    while let Some(Batch { rows, bytes_read }) = batches.recv().await {
        sent.row_count += rows.len() as u64;
        let mut good = Vec::with_capacity(rows.len());
        for (line, customer) in rows {
            let checked = replacing::check_import(directory, &customer, with_farewells).await;
            match checked.map_err(direct::fault)? {
                Ok(()) => good.push(customer),
                Err(fault) => {
                    sent.refused_count += 1;
                    if sent.faults.len() < FAULTS_SHOWN_MAX {
                        let message = format!("attr:{}: {}", fault.key, fault.text);
                        sent.faults.push(LineFault { line, message });
                    }
                }
            }
        }
        let count = good.len() as u64;
        directory.import(good).await.map_err(direct::fault)?;
        sent.stored_count += count;
        progress.show(bytes_read, sent.stored_count);
    }
    Ok(())
}

async fn exchange(
    connection: &Connection,
    with_farewells: bool,
    batches: mpsc::Receiver<Batch>,
    progress: &mut Progress,
    sent: &mut Sent,
) -> Result<(), Fault> {
    // How far the file was read with each batch that is not answered yet.
    let underway = Arc::new(Mutex::new(VecDeque::new()));
    let noted = Arc::clone(&underway);
    let requests = ReceiverStream::new(batches).map(move |batch| {
        noted.lock().expect("nobody panics with it").push_back(batch.bytes_read);
        let rows = batch.rows.into_iter().map(row).collect();
        v1::ImportCustomersRequest { rows, with_farewells }
    });
    let mut admin = connection.admin();
    let mut answers = connection.call(admin.import_customers(requests)).await?;
    loop {
        let answer = match tokio::time::timeout(connection.timeout, answers.message()).await {
            Ok(answer) => answer.map_err(|status| connection.fault(status))?,
            Err(_) => return Err(connection.timed_out(connection.timeout)),
        };
        let Some(answer) = answer else {
            return Ok(());
        };
        sent.row_count = answer.row_count;
        sent.stored_count = answer.stored_count;
        sent.refused_count = answer.refused_count;
        sent.faults.extend(answer.faults.into_iter().map(|fault| LineFault {
            line: fault.line,
            message: fault.error.as_ref().map_or_else(|| "refused".to_owned(), told),
        }));
        let bytes = underway.lock().expect("nobody panics with it").pop_front();
        progress.show(bytes.unwrap_or_default(), answer.stored_count);
    }
}

/// An error that came inside a stream, in words.
pub(crate) fn told(error: &v1::Error) -> String {
    if error.field.is_empty() || error.message.contains(&error.field) {
        return printable(&error.message);
    }
    printable(&format!("{}: {}", error.field, error.message))
}

/// The tiers of the file that the policy does not have. A help, so that a server that cannot tell is no fault.
pub(crate) async fn unknown_tiers(
    connection: &Connection,
    tiers: BTreeMap<String, u64>,
) -> Vec<UnknownTier> {
    let request = v1::GetPolicyRequest {};
    let answer = connection.call(connection.admin().get_policy(request)).await;
    let Some(policy) = answer.ok().and_then(|answer| answer.policy) else {
        return vec![];
    };
    let is_unknown = |name: &str| policy.tiers.iter().all(|tier| tier.tier != name);
    let unknown = tiers.into_iter().filter(|(tier, _)| is_unknown(tier));
    unknown.map(|(tier, customers)| UnknownTier { tier, customers }).collect()
}

/// A file that counts what has been read of it.
#[derive(Debug)]
struct Counted {
    file: File,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// How far an import has come: a bar on a terminal, else a line now and then.
enum Progress {
    Bar(ProgressBar),
    Lines { size: u64, last: Instant },
    Silent,
}

impl Progress {
    fn start(size: u64, is_silent: bool) -> Self {
        if io::stderr().is_terminal() {
            let style = "{bar:30} {percent:>3} %  {msg}, {elapsed}, {eta} left";
            let style = ProgressStyle::with_template(style).expect("the template is sound");
            Self::Bar(ProgressBar::new(size).with_style(style))
        } else if is_silent {
            Self::Silent
        } else {
            Self::Lines { size, last: clock::stopwatch() }
        }
    }

    /// So many bytes of the file are with the server, and so many customers stored.
    fn show(&mut self, bytes: u64, stored_count: u64) {
        let stored = humane::count(stored_count, "customer");
        match self {
            Self::Bar(bar) => {
                bar.set_position(bytes);
                bar.set_message(format!("{stored} stored"));
            }
            Self::Lines { size, last } if last.elapsed() >= PROGRESS_EVERY => {
                *last = clock::stopwatch();
                console::note(format_args!("{} %: {stored} stored", humane::percent(bytes, *size)));
            }
            Self::Lines { .. } | Self::Silent => {}
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::io::Write as _;

    fn read_all(text: &str) -> (Vec<Batch>, Reading) {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("it can be written");
        io::Seek::rewind(&mut file).expect("it can be read again");
        let bytes_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, bytes_read: Arc::clone(&bytes_read) };
        let rows = csv::read(counted).expect("the titles are sound");
        let (sender, mut receiver) = mpsc::channel(100);
        let reading = read(rows, &bytes_read, &sender);
        drop(sender);
        let mut batches = vec![];
        while let Some(batch) = receiver.blocking_recv() {
            batches.push(batch);
        }
        (batches, reading)
    }

    #[test]
    fn a_long_file_goes_in_batches_and_faulty_lines_stay_out() {
        let mut text = "id,tier,phone\n".to_owned();
        for at in 0..1001 {
            let _ = writeln!(text, "C-{at},gold,+1 202 555 {at:04}");
        }
        text += ",gold,\n";
        let (batches, reading) = read_all(&text);
        let sizes: Vec<_> = batches.iter().map(|batch| batch.rows.len()).collect();
        assert_eq!(sizes, [500, 500, 1]);
        assert_eq!(reading.refused_count, 1);
        assert_eq!(reading.faults[0].line, 1003);
        assert_eq!(reading.tiers["gold"], 1001);
        assert_eq!(batches[2].bytes_read, text.len() as u64);
    }

    #[test]
    fn no_batch_is_larger_than_the_smallest_message_limit() {
        let mut text = "id,tier,attr:long\n".to_owned();
        for at in 0..400 {
            let _ = writeln!(text, "C-{at},gold,{}", "x".repeat(1000));
        }
        let (batches, _) = read_all(&text);
        assert!(batches.len() > 3, "{} batches", batches.len());
        for batch in batches {
            let bytes = prost_size(batch.rows);
            assert!(bytes <= 128 << 10, "{bytes} bytes");
        }
    }

    fn prost_size(rows: Vec<(u64, Customer)>) -> usize {
        use prost::Message as _;
        let rows = rows.into_iter().map(row).collect();
        v1::ImportCustomersRequest { rows, with_farewells: true }.encoded_len()
    }
}
