//! `tierline customers export`: the directory into a CSV file that `import` reads.
//!
//! Customers come a page at a time and are never held all. Their rows go into a file beside the wanted
//! one first, since the columns are known only at the end.

use super::Context;
use super::connect::Connection;
use super::console;
use super::direct::{self, Direct};
use super::fault::Fault;
use super::humane;
use super::table::printable;
use crate::api::proto::v1;
use crate::clock;
use crate::directory::csv::Columns;
use crate::directory::{Customer, Directory, Identifier, IdentifierKind};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Customers in a page.
const PAGE: u32 = 200;
/// Customers left out that are listed; the others are counted.
const LEFT_OUT_SHOWN_MAX: usize = 100;
/// Time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Write every customer into a CSV file that `import` reads.
///
/// The file is for its owner alone. An existing file is replaced when the new one is complete. Customers that another
/// system wrote into Redis are written with the identifiers that their hash lists, which may be none.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 all are in the file, 65 some cannot be written to one (the others are), 66 the file cannot be written, \
69 the directory or the server is away.

JSON fields: file, customer_count, left_out_count, left_out [{customer_id, message}], malformed_count.

Examples:
  tierline customers export customers.csv
  tierline customers export customers.csv --redis redis://127.0.0.1:6379")]
pub(crate) struct Export {
    /// The file to write
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    #[command(flatten)]
    direct: Direct,
}

/// What became of an export, for programs.
#[derive(Default, Serialize)]
struct Summary {
    file: String,
    customer_count: u64,
    left_out_count: u64,
    left_out: Vec<LeftOut>,
    malformed_count: u64,
}

#[derive(Serialize)]
struct LeftOut {
    customer_id: String,
    message: String,
}

/// Whom the customers come from.
enum Origin {
    Server(Box<Connection>),
    Redis(Directory),
}

/// Some customers, and where the next begin.
struct Page {
    customers: Vec<Customer>,
    malformed_count: u64,
    next: Option<String>,
}

impl Export {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let from = match self.direct.open(context.timeout).await? {
            Some(directory) => Origin::Redis(directory),
            None => Origin::Server(Box::new(context.connect().await?)),
        };
        let started = clock::stopwatch();
        let (rows, complete) = (beside(&self.file, ".rows"), beside(&self.file, ".part"));
        let mut summary = Summary { file: self.file.display().to_string(), ..Summary::default() };
        let written = self.write(&from, &rows, &complete, &mut summary).await;
        console::status("");
        // Whatever happened, half a file is of no use, and it holds personal data.
        for path in [&rows, &complete] {
            let _ = std::fs::remove_file(path);
        }
        written?;
        tell(context, &summary, started.elapsed())
    }

    async fn write(
        &self,
        from: &Origin,
        rows: &Path,
        complete: &Path,
        summary: &mut Summary,
    ) -> Result<(), Fault> {
        let mut columns = Columns::default();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Fault::File { path, source }
        };
        let mut file = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(private(rows).map_err(failed(rows))?);
        let mut after = None;
        let mut last = clock::stopwatch();
        loop {
            let page = from.page(after.as_deref()).await?;
            summary.malformed_count += page.malformed_count;
            for customer in &page.customers {
                match columns.row(customer) {
                    Ok(row) => {
                        summary.customer_count += 1;
                        file.write_record(row).map_err(io::Error::from).map_err(failed(rows))?;
                    }
                    Err(unwritable) => {
                        summary.left_out_count += 1;
                        if summary.left_out.len() < LEFT_OUT_SHOWN_MAX {
                            let (customer_id, message) =
                                (customer.id.clone(), unwritable.to_string());
                            summary.left_out.push(LeftOut { customer_id, message });
                        }
                    }
                }
            }
            if last.elapsed() >= PROGRESS_EVERY {
                last = clock::stopwatch();
                console::status(humane::count(summary.customer_count, "customer"));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        file.flush().map_err(failed(rows))?;
        drop(file);
        finish(&columns, rows, complete).map_err(failed(complete))?;
        std::fs::rename(complete, &self.file).map_err(failed(&self.file))
    }
}

/// Writes the names of the columns and then the rows, each with a cell for every column.
fn finish(columns: &Columns, rows: &Path, complete: &Path) -> io::Result<()> {
    let mut from = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(rows)?;
    let mut into = csv::Writer::from_writer(private(complete)?);
    into.write_record(columns.header())?;
    let mut row = csv::ByteRecord::new();
    while from.read_byte_record(&mut row)? {
        while row.len() < columns.count() {
            row.push_field(b"");
        }
        into.write_byte_record(&row)?;
    }
    into.flush()?;
    into.into_inner().map_err(csv::IntoInnerError::into_error)?.sync_all()
}

/// A new file that its owner alone can read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The file's name with something after it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Origin {
    async fn page(&self, after: Option<&str>) -> Result<Page, Fault> {
        match self {
            Self::Redis(directory) => {
                let count = usize::try_from(PAGE).expect("a page is small");
                let page = directory.list(after, count).await.map_err(direct::fault)?;
                let malformed_count = page.malformed_count as u64;
                Ok(Page { customers: page.customers, malformed_count, next: page.next })
            }
            Self::Server(connection) => {
                let page_token = after.unwrap_or_default().to_owned();
                let request = v1::ListCustomersRequest { page_size: PAGE, page_token };
                let page = connection.call(connection.admin().list_customers(request)).await?;
                let customers =
                    page.customers.into_iter().map(customer).collect::<Result<_, _>>()?;
                Ok(Page {
                    customers,
                    malformed_count: page.malformed_count.into(),
                    next: Some(page.next_page_token).filter(|token| !token.is_empty()),
                })
            }
        }
    }
}

/// A customer of the contract as the directory has one.
fn customer(customer: v1::Customer) -> Result<Customer, Fault> {
    let identifiers = customer.identifiers.into_iter().map(|identifier| {
        let kind = match identifier.kind() {
            v1::IdentifierKind::Phone => IdentifierKind::Phone,
            v1::IdentifierKind::Card => IdentifierKind::Card,
            v1::IdentifierKind::Email => IdentifierKind::Email,
            v1::IdentifierKind::Account => IdentifierKind::Account,
            v1::IdentifierKind::Id | v1::IdentifierKind::Unspecified => {
                return Err(Fault::Answer("kind of an identifier"));
            }
        };
        Identifier::new(kind, &identifier.value).map_err(|_| Fault::Answer("identifier"))
    });
    Ok(Customer {
        identifiers: identifiers.collect::<Result<_, _>>()?,
        id: customer.customer_id,
        tier: Some(customer.tier).filter(|tier| !tier.is_empty()),
        name: Some(customer.name).filter(|name| !name.is_empty()),
        attributes: customer.attributes,
    })
}

fn tell(context: &Context, summary: &Summary, took: Duration) -> Result<(), Fault> {
    if context.is_json() {
        console::json(summary)?;
    } else {
        for left_out in &summary.left_out {
            console::note(printable(&format!("{}: {}", left_out.customer_id, left_out.message)));
        }
        let listed = summary.left_out.len() as u64;
        if summary.left_out_count > listed {
            console::note(format_args!("and {} more", summary.left_out_count - listed));
        }
        if summary.malformed_count > 0 {
            let what = humane::count(summary.malformed_count, "key");
            console::note(format_args!("{what} of the directory passed over: not a customer"));
        }
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let left_out = match summary.left_out_count {
            0 => String::new(),
            count => format!(", {} left out", humane::count(count, "customer")),
        };
        console::say(format_args!(
            "{}: {} written{left_out}, in {}\n",
            summary.file,
            humane::count(summary.customer_count, "customer"),
            humane::duration(took_ms)
        ))?;
    }
    if summary.left_out_count > 0 { Err(Fault::Told(65)) } else { Ok(()) }
}
