"""wattrace's server: documents in, frames and pages out. It measures nothing."""
