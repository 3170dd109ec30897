package messenger

import (
	"strings"

	"dione/crypto/identity"
)

// resolve finds whom name means among people: the first rule that fits
// anybody decides, and it must fit one person only.
func resolve(people []Person, self identity.ID, name string) (Person, error) {
	name = strings.TrimSpace(name)
	id, err := identity.Parse(name)
	if err == nil && id == self {
		return Person{}, ErrSelf
	}
	plain, tag, tagged := cutTag(name)
	rules := []func(Person) bool{
		func(p Person) bool { return err == nil && p.ID == id },
		func(p Person) bool { return tagged && p.calledBy(plain) && p.hasTag(tag) },
		func(p Person) bool { return p.Petname != "" && p.Petname == name },
		func(p Person) bool { return p.hasTag(strings.TrimPrefix(name, "·")) },
		func(p Person) bool { return p.Claimed != "" && p.Claimed == name },
	}
	for _, fits := range rules {
		var found []Person
		for _, p := range people {
			if fits(p) {
				found = append(found, p)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return Person{}, &AmbiguousError{Name: name, Candidates: found}
		}
	}
	return Person{}, &UnknownPersonError{Name: name}
}

// cutTag splits name·tag, name ·tag or name.tag. A name may hold dots itself:
// the last one counts.
func cutTag(s string) (name, tag string, ok bool) {
	if name, tag, ok = strings.Cut(s, "·"); ok {
		return strings.TrimSpace(name), tag, true
	}
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (p Person) calledBy(name string) bool {
	return name == p.Name || name == p.Petname || name == p.Claimed
}

func (p Person) hasTag(tag string) bool {
	return tag == p.ID.Tag() || tag == p.ID.LongTag()
}
