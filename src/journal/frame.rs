//! One committed batch as bytes: a header that chains it to the frame before, and the events.
//!
//! ```text
//! offset  bytes  little-endian
//!      0      2  format version, 1
//!      2      2  zero
//!      4      4  how many events, at least 1
//!      8      8  sequence number of the first event
//!     16      4  length of the payload
//!     20      4  crc32c of the payload
//!     24      4  crc of the frame before (0 before the first)
//!     28      4  crc of this frame: crc32c of bytes 0 to 28
//!     32         payload: a `tierline.journal.v1.Batch`
//! ```
//!
//! The header's crc covers the payload's crc and the crc before it, so one number stands for the
//! whole journal up to here. The header can be checked before the payload is there: a frame that
//! ends too early is told from one whose length was damaged.

use super::Seq;
use super::record::{self, About};
use crate::engine::command::Event;
use crate::engine::model::{TicketId, TierIx, Time};

/// The format this release writes; it reads this and every earlier one.
pub const FORMAT: u16 = 1;
/// Length of a frame's header in bytes.
pub const HEADER_LEN: usize = 32;

/// The end of a chain of frames: what the next one must continue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The last event's sequence number; 0 before the first.
    pub last: Seq,
    /// The last frame's crc; 0 before the first.
    pub crc: u32,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends before its length.
    #[error("it ends after {len} bytes, and needs {needed}")]
    Torn {
        /// How many bytes there are.
        len: usize,
        /// How many there must be, as far as that is known.
        needed: usize,
    },
    /// The header's crc is not that of its bytes.
    #[error("the header is damaged: crc32c {found:08x}, and it says {stored:08x}")]
    Header {
        /// What the header says.
        stored: u32,
        /// What its bytes give.
        found: u32,
    },
    /// A format this release does not know.
    #[error("format version {found}, and this release reads up to {FORMAT}")]
    Version {
        /// What the header says.
        found: u16,
    },
    /// More bytes than its length.
    #[error("{extra} bytes too many")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The payload's crc is not that of its bytes.
    #[error("the events are damaged: crc32c {found:08x}, and the header says {stored:08x}")]
    Payload {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        found: u32,
    },
    /// Its first event is not the one after the last.
    #[error(
        "it begins with event {found} where {expected} is next: a batch is missing or out of place"
    )]
    Gap {
        /// The next event.
        expected: Seq,
        /// What the header says.
        found: Seq,
    },
    /// It continues another frame than the one before it.
    #[error(
        "it continues crc {stored:08x}, and the batch before has {expected:08x}: the batch before was replaced"
    )]
    Chain {
        /// What the header says.
        stored: u32,
        /// The crc of the frame before.
        expected: u32,
    },
    /// The events themselves mean nothing.
    #[error(transparent)]
    Record(#[from] record::Error),
}

/// One frame whose checksums agree.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` are, whole and nothing else.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (frame, rest) = Self::parse_first(bytes)?;
        if !rest.is_empty() {
            return Err(Error::Trailing { extra: rest.len() });
        }
        Ok(frame)
    }

    /// The frame at the start of `bytes`, and what follows it.
    pub fn parse_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let torn = |needed| Error::Torn { len: bytes.len(), needed };
        if bytes.len() < HEADER_LEN {
            return Err(torn(HEADER_LEN));
        }
        let frame = Self { bytes };
        let found = crc32c::crc32c(&bytes[..28]);
        if frame.crc() != found {
            return Err(Error::Header { stored: frame.crc(), found });
        }
        let version = u16::from_le_bytes(frame.field(0));
        if version == 0 || version > FORMAT {
            return Err(Error::Version { found: version });
        }
        let len = usize::try_from(u32::from_le_bytes(frame.field(16))).expect("32 bits fit");
        if bytes.len() - HEADER_LEN < len {
            return Err(torn(HEADER_LEN + len));
        }
        let (whole, rest) = bytes.split_at(HEADER_LEN + len);
        let frame = Self { bytes: whole };
        let (stored, found) =
            (u32::from_le_bytes(frame.field(20)), crc32c::crc32c(frame.payload()));
        if stored != found {
            return Err(Error::Payload { stored, found });
        }
        Ok((frame, rest))
    }

    /// Checks that the frame continues the chain at `link`, and gives the chain's new end.
    pub fn follows(&self, link: Link) -> Result<Link, Error> {
        let expected = Seq(link.last.0 + 1);
        if self.first() != expected {
            return Err(Error::Gap { expected, found: self.first() });
        }
        if self.crc_before() != link.crc {
            return Err(Error::Chain { stored: self.crc_before(), expected: link.crc });
        }
        Ok(self.link())
    }

    /// The chain's end after this frame.
    pub fn link(&self) -> Link {
        Link { last: self.last(), crc: self.crc() }
    }

    /// The events, with their instants.
    pub fn events(&self) -> Result<Vec<(Time, Event)>, Error> {
        Ok(record::events(self.payload(), self.count())?)
    }

    /// The events with the tickets they are about.
    pub fn entries(&self) -> Result<Vec<(Time, Event, Option<About>)>, Error> {
        Ok(record::entries(self.payload(), self.count())?)
    }

    /// The whole frame.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many events it holds.
    pub fn count(&self) -> u32 {
        u32::from_le_bytes(self.field(4))
    }

    /// The first event's sequence number.
    pub fn first(&self) -> Seq {
        Seq(u64::from_le_bytes(self.field(8)))
    }

    /// The last event's sequence number.
    pub fn last(&self) -> Seq {
        Seq((self.first().0 + u64::from(self.count())).saturating_sub(1))
    }

    /// The frame's crc, which stands for all frames up to here.
    pub fn crc(&self) -> u32 {
        u32::from_le_bytes(self.field(28))
    }

    fn crc_before(&self) -> u32 {
        u32::from_le_bytes(self.field(24))
    }

    fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..at + N].try_into().expect("a header has 32 bytes")
    }
}

/// Gathers events for the next frame; its memory is used again for the one after.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    count: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER_LEN], count: 0 }
    }
}

impl Builder {
    /// Adds an event.
    pub fn push(&mut self, at: Time, event: &Event) {
        self.push_about(at, event, None);
    }

    /// Adds an event together with the id and the tier of the ticket it is about.
    pub fn push_about(&mut self, at: Time, event: &Event, about: Option<(&TicketId, TierIx)>) {
        record::push_event(&mut self.bytes, at, event, about);
        self.count += 1;
    }

    /// How many events have been gathered.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes the frame has so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no event has been gathered.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets what was gathered.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_LEN);
        self.count = 0;
    }

    /// The frame of what was gathered, after `link`. What was gathered stays until [`Self::clear`].
    pub fn seal(&mut self, link: Link) -> Frame<'_> {
        let (header, payload) = self.bytes.split_at_mut(HEADER_LEN);
        let len = u32::try_from(payload.len()).expect("a batch is kept far below 4 GiB");
        header[0..2].copy_from_slice(&FORMAT.to_le_bytes());
        header[2..4].fill(0);
        header[4..8].copy_from_slice(&self.count.to_le_bytes());
        header[8..16].copy_from_slice(&(link.last.0 + 1).to_le_bytes());
        header[16..20].copy_from_slice(&len.to_le_bytes());
        header[20..24].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        header[24..28].copy_from_slice(&link.crc.to_le_bytes());
        let crc = crc32c::crc32c(&header[..28]);
        header[28..32].copy_from_slice(&crc.to_le_bytes());
        Frame { bytes: &self.bytes }
    }
}
