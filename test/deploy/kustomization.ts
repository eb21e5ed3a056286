import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { Tree } from './tree.js';

/** A base as `kubectl apply -k` reads it, limited to resources, one ConfigMap generator and one image. */
export interface Kustomization {
  readonly resources: readonly Tree[];
  readonly files: readonly string[];
  readonly settings: { readonly name: string; readonly values: Readonly<Record<string, string>> };
  readonly image: { readonly name: string; readonly tag: string };
}

export function readKustomization(folder: string): Kustomization {
  const root = readManifest(join(folder, 'kustomization.yaml'));
  const files = root.at('resources').items();
  const generator = root.at('configMapGenerator', 0);
  const envFiles = generator.at('envs').items();
  return {
    resources: files.map((file) => readManifest(join(folder, file.text))),
    files: files.map((file) => file.text),
    settings: {
      name: generator.at('name').text,
      values: readEnvFiles(envFiles.map((file) => join(folder, file.text))),
    },
    image: { name: root.at('images', 0, 'name').text, tag: root.at('images', 0, 'newTag').text },
  };
}

/** @throws Error if the file is not exactly one YAML document */
export function readManifest(file: string): Tree {
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: true });
  const [document] = documents;
  if (document === undefined || documents.length !== 1)
    throw new SyntaxError(`${file}: must be exactly one document`);
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw fault;
  return new Tree(document.toJS());
}

export function manifestFiles(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.yaml'));
}

function readEnvFiles(files: readonly string[]): Readonly<Record<string, string>> {
  const values = files.flatMap((file) => Object.entries(parseEnv(readFileSync(file, 'utf8'))));
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
