//! Views of bytes as numbers and back, for the little-endian machines that fathom supports.

#[cfg(target_endian = "big")]
compile_error!("segments are mapped as little-endian numbers");

/// Bytes as signed bytes.
pub(super) fn signed(bytes: &[u8]) -> &[i8] {
    bytemuck::cast_slice(bytes)
}

/// Signed bytes as bytes.
pub(super) fn unsigned(bytes: &[i8]) -> &[u8] {
    bytemuck::cast_slice(bytes)
}

/// Numbers as bytes.
pub(super) fn bytes_of<T: bytemuck::NoUninit>(numbers: &[T]) -> &[u8] {
    bytemuck::cast_slice(numbers)
}

/// Bytes as numbers. Fails if they are not aligned, which a section of a mapped file always is.
pub(super) fn numbers<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Result<&[T], String> {
    bytemuck::try_cast_slice(bytes).map_err(|e| format!("numbers cannot be viewed: {e}"))
}
