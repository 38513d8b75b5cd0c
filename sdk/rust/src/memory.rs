//! Where a connector's memory comes from: the allocator that the standard library uses too, but on room that is there from the start.
//!
//! Every call runs on a fresh instance. Were the memory to grow in each call, the host would have to make the new pages usable, and to
//! take them away again for the next instance, which stops every other thread of the host for a moment: a fifth of a call's time.
//! Room that is never touched costs nothing.
#![allow(
    unsafe_code,
    reason = "an allocator hands out pointers; a guest is one thread, so nothing here is ever entered twice"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_grow;
use core::cell::UnsafeCell;

use dlmalloc::{Allocator, Dlmalloc};

/// Enough for an ordinary webhook, its events and their JSON. What needs more grows.
const ROOM: usize = 512 << 10;
/// A page of WebAssembly.
const PAGE: usize = 64 << 10;

#[global_allocator]
static MEMORY: Memory = Memory(UnsafeCell::new(Dlmalloc::new_with_allocator(Source(UnsafeCell::new(0)))));
static FIRST: Room = Room(UnsafeCell::new([0; ROOM]));

#[repr(align(65536))]
struct Room(UnsafeCell<[u8; ROOM]>);
// SAFETY: a guest is one thread.
unsafe impl Sync for Room {}

struct Memory(UnsafeCell<Dlmalloc<Source>>);
// SAFETY: a guest is one thread.
unsafe impl Sync for Memory {}

// SAFETY: what dlmalloc promises is what is promised here, and it is never entered twice.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(pointer, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(pointer, layout.size(), layout.align(), size) }
    }
}

/// Whole pages, from the room that is there first. Holds how much of it is gone.
struct Source(UnsafeCell<usize>);
// SAFETY: a guest is one thread.
unsafe impl Send for Source {}

// SAFETY: every piece is handed out once, and none is taken back.
unsafe impl Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let size = size.next_multiple_of(PAGE);
        // SAFETY: nobody else looks at it meanwhile, and the piece lies within the room.
        unsafe {
            let gone = self.0.get();
            if size <= ROOM - *gone {
                let piece = FIRST.0.get().cast::<u8>().add(*gone);
                *gone += size;
                return (piece, size, 0);
            }
        }
        match memory_grow(0, size / PAGE) {
            usize::MAX => (core::ptr::null_mut(), 0, 0),
            page => ((page * PAGE) as *mut u8, size, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
