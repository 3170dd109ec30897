package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"lukechampine.com/adiantum"
)

// What a database and a WAL begin with (sqlite.org/fileformat2.html). The last
// bit of the WAL's magic number says how its checksums were computed.
const (
	dbMagic  = "SQLite format 3\x00"
	walMagic = 0x377f0682
)

// tryKey looks whether the key makes sense of the first block of the database
// or, since a power cut can tear that one, of a WAL that would repair it.
// SQLite itself must not be asked: under a wrong key it takes a good WAL for
// an empty one, and empties it.
func tryKey(path string, dbKey [32]byte) error {
	block, err := firstBlock(path, dbKey)
	if err != nil || bytes.HasPrefix(block, []byte(dbMagic)) {
		return err
	}
	wal, err := firstBlock(path+walSuffix, dbKey)
	if err != nil {
		return err
	}
	if len(wal) > 0 && binary.BigEndian.Uint32(wal)&^1 == walMagic {
		return nil
	}
	return fmt.Errorf("%w: it does not begin like one", ErrDamaged)
}

// firstBlock decrypts the first block of a file as the VFS does. It is empty
// if the file is missing or shorter.
func firstBlock(path string, dbKey [32]byte) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block := make([]byte, pageSize)
	_, err = io.ReadFull(f, block)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, f.Close()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return adiantum.New(dbKey[:]).Decrypt(block, make([]byte, 8)), nil // the tweak is the offset
}
