#!/usr/bin/env python3
"""Tells how expat and libxml2 read XML documents.

Standard input: one document per line, in hexadecimal. Standard output: one line per document, with expat's answer and
libxml2's: "-" if it rejects the document, else "=" and the dump of the root's child elements in hexadecimal. A dump
is: namespace, name, attribute names and values (sorted), each as LENGTH:TEXT, then in parentheses the nodes: elements
in the same way, texts as LENGTH=TEXT; lengths are in bytes of UTF-8.
"""

import sys
import xml.parsers.expat

import lxml.etree

XML = "http://www.w3.org/XML/1998/namespace"
SEPARATOR = "\x1f"


class Element:
    def __init__(self, namespace, name, attributes):
        self.namespace = namespace
        self.name = name
        self.attributes = sorted((key.encode(), value.encode()) for key, value in attributes)
        self.nodes = []

    def add_text(self, text):
        if not text:
            return
        if self.nodes and isinstance(self.nodes[-1], str):
            self.nodes[-1] += text
        else:
            self.nodes.append(text)


def string(data):
    return b"%d:%s" % (len(data), data)


def dump(element, out):
    """Iterative: an element may be nested deeper than Python recurses."""
    stack = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            out.append(item)
        elif isinstance(item, str):
            data = item.encode()
            out.append(b"%d=%s" % (len(data), data))
        else:
            out.append(string(item.namespace.encode()))
            out.append(string(item.name.encode()))
            for key, value in item.attributes:
                out.append(string(key))
                out.append(string(value))
            out.append(b"(")
            stack.append(b")")
            stack.extend(reversed(item.nodes))


def answer(root):
    out = []
    for node in root.nodes:
        if isinstance(node, Element):
            dump(node, out)
    return "=" + b"".join(out).hex()


def attribute_name(namespace, name):
    if not namespace:
        return name
    if namespace == XML:
        return "xml:" + name
    return "{%s}%s" % (namespace, name)


def by_expat(document):
    parser = xml.parsers.expat.ParserCreate("UTF-8", SEPARATOR)
    parser.ordered_attributes = False
    stack = [Element("", "", [])]

    def split(name):
        namespace, _, local = name.rpartition(SEPARATOR)
        return namespace, local

    def start(name, attributes):
        namespace, local = split(name)
        pairs = [(attribute_name(*split(key)), value) for key, value in attributes.items()]
        element = Element(namespace, local, pairs)
        stack[-1].nodes.append(element)
        stack.append(element)

    def end(_name):
        stack.pop()

    def text(data):
        stack[-1].add_text(data)

    def restricted(*_arguments):
        raise ValueError("restricted XML")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.CommentHandler = restricted
    parser.ProcessingInstructionHandler = restricted
    parser.StartDoctypeDeclHandler = restricted
    try:
        parser.Parse(document, True)
    except (xml.parsers.expat.ExpatError, ValueError):
        return "-"
    return answer(stack[0].nodes[0])


def split_clark(name):
    if name.startswith("{"):
        namespace, _, local = name[1:].rpartition("}")
        return namespace, local
    return "", name


def by_libxml2(document):
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, strip_cdata=True, huge_tree=False)
    try:
        root = lxml.etree.fromstring(document, parser)
    except (lxml.etree.XMLSyntaxError, ValueError):
        return "-"
    if root.getroottree().docinfo.internalDTD is not None:
        return "-"
    top = Element("", "", [])
    stack = [(root, top)]
    while stack:
        source, parent = stack.pop()
        if not isinstance(source.tag, str):
            return "-"
        pairs = [(attribute_name(*split_clark(key)), value) for key, value in source.attrib.items()]
        element = Element(*split_clark(source.tag), pairs)
        parent.nodes.append(element)
        element.add_text(source.text)
        for child in source:
            # Filled in order: the place of each child is kept by a stand-in.
            element.nodes.append(child)
            element.add_text(child.tail)
        for number, node in enumerate(element.nodes):
            if not isinstance(node, str):
                holder = Element("", "", [])
                stack.append((node, holder))
                element.nodes[number] = holder
    unwrap(top)
    return answer(top.nodes[0])


def unwrap(top):
    """Puts each element in the place of its stand-in."""
    stack = [top]
    while stack:
        element = stack.pop()
        for number, node in enumerate(element.nodes):
            if isinstance(node, Element):
                if not node.name:
                    node = node.nodes[0]
                    element.nodes[number] = node
                stack.append(node)


def main():
    for line in sys.stdin:
        document = bytes.fromhex(line.strip())
        print(by_expat(document), by_libxml2(document))


if __name__ == "__main__":
    main()
