/**
 * The configuration file as a layer: YAML 1.2 text to keys and values with their lines and columns; and YAML in other sources.
 * Pure: knows neither the disk nor which keys exist. A message never repeats a line of the file.
 */
import { parse } from 'yaml';
import { escapeControl } from '../observe/terminal.ts';
import { decodeUtf8, pathText, readYaml, type Place } from '../yaml-text.ts';
import type { ReadLayer } from './layer.ts';

/** Reads the bytes of a file called `name` in messages. An empty file is one in which every setting is left out. */
export function readYamlFile(name: string, bytes: Uint8Array): ReadLayer {
  const shownName = escapeControl(name);
  const unreadable = (where: string, message: string): ReadLayer => ({
    layer: { raw: {}, where: () => shownName },
    problems: [{ where, message }],
  });
  const text = decodeUtf8(bytes);
  if (text === undefined) return unreadable(shownName, 'is not UTF-8 text; save it as UTF-8');

  const at = ({ line, column }: Place): string => `${shownName}:${line}:${column}`;
  const yaml = readYaml(text, '1.2');
  if (!yaml.ok) {
    const problems = yaml.problems.map(({ place, message }) => {
      return { where: place === undefined ? shownName : at(place), message };
    });
    return { layer: { raw: {}, where: () => shownName }, problems };
  }
  const { value, placeOf } = yaml;
  if (!isSettings(value)) {
    return unreadable(
      at(placeOf([])),
      'must hold settings, each on a line of its own such as "follow: true"',
    );
  }
  return {
    layer: { raw: value ?? {}, where: (path) => `${at(placeOf(path))} ${pathText(path)}` },
    problems: [],
  };
}

/** A list or a map in the text of one value. @throws Error */
export function readYamlValue(text: string): unknown {
  return parse(text, { prettyErrors: false, logLevel: 'error' });
}

function isSettings(value: unknown): value is Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && !Array.isArray(value);
}
