//! How messages become bytes: as prost writes them, but into a vector first.
//!
//! Numbers are written byte by byte. A vector takes a byte in a few instructions, the buffer that tonic lends takes
//! each through a general interface: that was an eleventh of all that the server did for a ticket.

use bytes::BufMut as _;
use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::{ProstCodec, ProstDecoder};

/// Room that an answer is given at first; most need less.
const BUFFER_BYTES: usize = 2 << 10;
/// Messages of a stream are sent together up to so many bytes, as tonic does.
const YIELD_BYTES: usize = 32 << 10;

/// The codec of every method: `T` is sent, `U` is received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VecCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for VecCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for VecCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = VecEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        VecEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::default().decoder()
    }
}

/// Writes messages of type `T`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VecEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for VecEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, into: &mut EncodeBuf<'_>) -> Result<(), Self::Error> {
        into.put_slice(&item.encode_to_vec());
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}
