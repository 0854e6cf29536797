// Verifies a ledger with the sumdb packages of the Go project alone: another language, other authors.
// Provenance: tests/ledger/test_foreign.py builds it against golang.org/x/mod/sumdb as the toolchain carries it.
//
//	verify FOLDER [WITNESS-VKEY]  signature, root and tiles against the entries, perhaps a cosignature
//	verify -proof FILE KEY-FILE   a C2SP tlog-proof
//	verify -consistent FOLDER OLD-CHECKPOINT

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(e error) {
	if e != nil {
		fmt.Println("FAIL", e)
		os.Exit(1)
	}
}

func check(ok bool, what string) {
	if !ok {
		must(errors.New(what))
	}
}

type tiles struct{ dir string }

func (t tiles) Height() int { return 8 }
func (t tiles) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, x := range ts {
		b, err := os.ReadFile(t.dir + "/tile/" + strings.TrimPrefix(x.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// A cosigner of C2SP tlog-cosignature, which the note package does not know: written from the text of the format.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func newCosigner(vkey string) cosigner {
	f := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	check(len(f) == 3, "the witness key is malformed")
	raw, err := base64.StdEncoding.DecodeString(f[2])
	must(err)
	check(len(raw) == 33 && raw[0] == 4, "the witness key is of another type")
	sum := sha256.Sum256(append([]byte(f[0]+"\n"), raw...))
	return cosigner{f[0], binary.BigEndian.Uint32(sum[:]), raw[1:]}
}

func open(b []byte, keyFile string, more ...note.Verifier) tlog.Tree {
	vk, err := os.ReadFile(keyFile)
	must(err)
	lv, err := note.NewVerifier(strings.TrimSpace(string(vk)))
	must(err)
	n, err := note.Open(b, note.VerifierList(append(more, lv)...))
	must(err)
	check(len(n.Sigs) == 1+len(more), "a signature that was asked for is missing")
	l := strings.Split(n.Text, "\n")
	check(len(l) == 4 && l[0] == lv.Name(), "the checkpoint is of another log")
	size, err := strconv.ParseInt(l[1], 10, 64)
	must(err)
	h, err := base64.StdEncoding.DecodeString(l[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], h)
	return tree
}

func proof(file, key string) {
	b, err := os.ReadFile(file)
	must(err)
	head, checkpoint, _ := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	check(lines[0] == "c2sp.org/tlog-proof@v1", "no proof")
	leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	var p tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := base64.StdEncoding.DecodeString(line)
		must(err)
		var x tlog.Hash
		copy(x[:], h)
		p = append(p, x)
	}
	tree := open(checkpoint, key)
	must(tlog.CheckRecord(p, tree.N, tree.Hash, index, tlog.RecordHash(leaf)))
	fmt.Println("the record is in the log:", index, "of", tree.N)
}

func consistent(dir, old string) {
	b, err := os.ReadFile(dir + "/checkpoint")
	must(err)
	tree := open(b, dir+"/log.pub")
	o, err := os.ReadFile(old)
	must(err)
	before := open(o, dir+"/log.pub")
	hr := tlog.TileHashReader(tree, tiles{dir})
	p, err := tlog.ProveTree(tree.N, before.N, hr)
	must(err)
	must(tlog.CheckTree(p, tree.N, tree.Hash, before.N, before.Hash))
	fmt.Println("the log continues the older checkpoint:", before.N, "of", tree.N)
}

func entries(dir string, name string, more ...note.Verifier) {
	b, err := os.ReadFile(dir + "/" + name)
	must(err)
	tree := open(b, dir+"/log.pub", more...)
	var stored hashes
	var idx int64
	for n := int64(0); n*256 < tree.N; n++ {
		t := tlog.Tile{H: 8, L: 0, N: n, W: 256}
		if tree.N-n*256 < 256 {
			t.W = int(tree.N - n*256)
		}
		raw, err := os.ReadFile(dir + "/tile/entries/" + strings.TrimPrefix(t.Path(), "tile/8/0/"))
		must(err)
		for count := 0; len(raw) > 0 || count < t.W; count++ {
			check(count < t.W && len(raw) >= 2, fmt.Sprint("another number of entries in bundle ", n))
			l := int(binary.BigEndian.Uint16(raw))
			check(len(raw) >= 2+l, fmt.Sprint("cut entry in bundle ", n))
			more, err := tlog.StoredHashesForRecordHash(idx, tlog.RecordHash(raw[2:2+l]), &stored)
			must(err)
			stored = append(stored, more...)
			raw = raw[2+l:]
			idx++
		}
	}
	// Every hash is computed again from the entries. TileHashReader alone does not do here: where several complete
	// subtrees of the tree share a tile, it leaves as many of the tiles that follow unauthenticated.
	root, err := tlog.TreeHash(tree.N, &stored)
	must(err)
	check(root == tree.Hash, "the entries do not give the signed root")
	for _, t := range tlog.NewTiles(8, 0, tree.N) {
		if t.W < 256 && int64(t.W) != tree.N>>uint(8*t.L)-t.N*256 {
			continue // a narrower one, of a size before this
		}
		right, err := tlog.ReadTileData(t, &stored)
		must(err)
		data, err := os.ReadFile(dir + "/tile/" + strings.TrimPrefix(t.Path(), "tile/8/"))
		must(err)
		check(bytes.Equal(data, right), "another tile: "+t.Path())
	}
	fmt.Println("signature, root and all tiles follow from the entries:", idx)
}

// The stored hashes of a tree in the order that tlog gives them.
type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(*h)) {
			return nil, errors.New("no such hash is stored")
		}
		out[i] = (*h)[x]
	}
	return out, nil
}

func main() {
	switch a := os.Args[1:]; {
	case len(a) == 3 && a[0] == "-proof":
		proof(a[1], a[2])
	case len(a) == 3 && a[0] == "-consistent":
		consistent(a[1], a[2])
	case len(a) == 2:
		entries(a[0], "cosigned", newCosigner(a[1]))
	case len(a) == 1:
		entries(a[0], "checkpoint")
	}
}
