//! Snapshot files: the whole engine after one event, so that a start need not replay everything.
//!
//! ```text
//! snapshots/<seq, 20 digits>.snap, little-endian
//!
//! offset  bytes
//!      0      8  "TIERSNAP"
//!      8      2  format version, 1
//!     10      2  zero
//!     12      8  the last event that is in it
//!     20      4  crc of the journal's frame that ends with that event: the chain goes on from here
//!     24      4  crc32c of bytes 0 to 24
//!     28         sections until the end of the file, each:
//!                4  length
//!                4  crc32c of the payload, begun with the crc before it
//!                   payload: a `tierline.journal.v1.Section`; the last one is an End
//! ```
//!
//! A file is written under another name, synced, and renamed, so under its own name it is whole. Two
//! are kept, and the journal since the older one: whichever file is damaged, the rest has everything.

use super::error::SnapshotDamage;
use super::frame::Link;
use super::record::{Assembly, Section, encode_image};
use super::{Error, Seq};
use crate::engine::model::Image;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The folder's name in the data directory.
pub const FOLDER: &str = "snapshots";
/// How many are kept.
pub const KEPT: usize = 2;

const MAGIC: &[u8; 8] = b"TIERSNAP";
const FORMAT: u16 = 1;
const HEADER_LEN: usize = 28;
/// Longest section, in bytes: a thousand tickets with the largest payloads and more.
const SECTION_MAX: u32 = 512 << 20;

/// The snapshots in the data directory `dir`, the oldest first.
pub fn list(dir: &Path) -> Result<Vec<(Seq, PathBuf)>, Error> {
    let folder = dir.join(FOLDER);
    let io = |source| Error::Io { path: folder.clone(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            let seq = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let seq = seq.ok_or_else(|| damage(&path, 0, SnapshotDamage::Foreign))?;
            found.push((Seq(seq), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Makes the folder if it is not there, and removes what a crash left half written.
pub(super) fn prepare(dir: &Path) -> Result<(), Error> {
    let folder = dir.join(FOLDER);
    let io = |source| Error::Io { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(io)?;
    for entry in fs::read_dir(&folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(io)?;
        }
    }
    sync_folder(dir)
}

/// Writes `image`, the state after `link`, as a file in the data directory `dir`.
pub fn write(dir: &Path, link: Link, image: &Image) -> Result<PathBuf, Error> {
    let folder = dir.join(FOLDER);
    let path = folder.join(format!("{:020}.snap", link.last.0));
    let unfinished = path.with_extension("tmp");
    let written = (|| {
        let mut file = BufWriter::new(File::create(&unfinished)?);
        write_to(&mut file, link, image)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished, &path)
    })();
    if let Err(source) = written {
        // Space may be what is missing; a rest that cannot be removed goes at the next start.
        let _ = fs::remove_file(&unfinished);
        return Err(Error::Io { path: unfinished, source });
    }
    sync_folder(&folder)?;
    Ok(path)
}

/// Removes all but the [`KEPT`] newest; gives the older of those, if there are that many.
pub(super) fn remove_old(dir: &Path) -> Result<Option<Seq>, Error> {
    let mut all = list(dir)?;
    let old = all.len().saturating_sub(KEPT);
    for (_, path) in all.drain(..old) {
        fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
    }
    Ok((all.len() == KEPT).then(|| all[0].0))
}

/// Reads the file at `path`, whole or not at all.
pub fn read(path: &Path) -> Result<(Link, Image), Error> {
    let io = |source| Error::Io { path: path.into(), source };
    let mut reader = Reader {
        input: BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?),
        offset: 0,
    };
    let result = read_from(&mut reader);
    let (link, image) = result.map_err(|problem| match problem {
        Problem::Io(source) => io(source),
        Problem::Damage(source) => damage(path, reader.offset, source),
    })?;
    let name = path.file_stem().and_then(|stem| stem.to_str());
    if name.and_then(|name| name.parse().ok()) != Some(link.last.0) {
        return Err(damage(path, 12, SnapshotDamage::Name(link.last)));
    }
    Ok((link, image))
}

fn write_to(file: &mut impl Write, link: Link, image: &Image) -> io::Result<()> {
    let mut header = Vec::with_capacity(HEADER_LEN);
    header.extend(MAGIC);
    header.extend(FORMAT.to_le_bytes());
    header.extend([0; 2]);
    header.extend(link.last.0.to_le_bytes());
    header.extend(link.crc.to_le_bytes());
    let mut crc = crc32c::crc32c(&header);
    header.extend(crc.to_le_bytes());
    file.write_all(&header)?;
    encode_image(image, |section| {
        let len = u32::try_from(section.len()).ok().filter(|len| *len <= SECTION_MAX);
        let len = len.ok_or_else(|| io::Error::other("a section of the snapshot is too large"))?;
        crc = crc32c::crc32c_append(crc, section);
        file.write_all(&len.to_le_bytes())?;
        file.write_all(&crc.to_le_bytes())?;
        file.write_all(section)
    })
}

enum Problem {
    Io(io::Error),
    Damage(SnapshotDamage),
}

impl<T: Into<SnapshotDamage>> From<T> for Problem {
    fn from(damage: T) -> Self {
        Self::Damage(damage.into())
    }
}

/// Knows where in the file the piece begins that is being read.
struct Reader<R> {
    input: R,
    offset: u64,
}

impl<R: Read> Reader<R> {
    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), Problem> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Problem::Damage(SnapshotDamage::Torn),
            _ => Problem::Io(error),
        })
    }

    fn is_at_end(&mut self) -> Result<bool, Problem> {
        let mut byte = [0];
        Ok(self.input.read(&mut byte).map_err(Problem::Io)? == 0)
    }
}

fn read_from(reader: &mut Reader<impl Read>) -> Result<(Link, Image), Problem> {
    let mut header = [0; HEADER_LEN];
    reader.exact(&mut header)?;
    if !header.starts_with(MAGIC) {
        return Err(SnapshotDamage::Foreign.into());
    }
    let mut crc = crc32c::crc32c(&header[..24]);
    agree(u32::from_le_bytes(field(&header, 24)), crc)?;
    let version = u16::from_le_bytes(field(&header, 8));
    if version == 0 || version > FORMAT {
        return Err(SnapshotDamage::Version(version).into());
    }
    let link = Link {
        last: Seq(u64::from_le_bytes(field(&header, 12))),
        crc: u32::from_le_bytes(field(&header, 20)),
    };
    reader.offset = HEADER_LEN as u64;
    let mut assembly = Assembly::default();
    let mut payload = Vec::new();
    loop {
        let mut start = [0; 8];
        reader.exact(&mut start)?;
        let len = u32::from_le_bytes(field(&start, 0));
        if len > SECTION_MAX {
            return Err(SnapshotDamage::Torn.into());
        }
        payload.resize(usize::try_from(len).expect("32 bits fit"), 0);
        reader.exact(&mut payload)?;
        crc = crc32c::crc32c_append(crc, &payload);
        agree(u32::from_le_bytes(field(&start, 4)), crc)?;
        let section = Section::decode(&payload)?;
        let is_end = matches!(section, Section::End(_));
        assembly.add(section)?;
        reader.offset += 8 + u64::from(len);
        if is_end {
            break;
        }
    }
    if !reader.is_at_end()? {
        return Err(SnapshotDamage::Trailing.into());
    }
    Ok((link, assembly.finish()?))
}

fn agree(stored: u32, found: u32) -> Result<(), Problem> {
    if stored == found {
        return Ok(());
    }
    Err(SnapshotDamage::Crc { stored, found }.into())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a header is that long")
}

fn damage(path: &Path, offset: u64, source: SnapshotDamage) -> Error {
    let others = path.parent().and_then(|folder| fs::read_dir(folder).ok()).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path() < *path)
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "snap"))
            .count()
    });
    Error::Snapshot { path: path.into(), offset, source, is_spare_there: others > 0 }
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::Io { path: folder.into(), source })
}
