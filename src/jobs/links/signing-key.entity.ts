import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The table `signing_key`: keys that all replicas share. */
@Entity('signing_key')
@Check('signing_key_length', 'octet_length(secret) = 32')
export class SigningKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'signing_key_pkey' })
  name!: string;

  @Column('bytea')
  secret!: Buffer;

  @Column('timestamptz', { default: () => 'now()' })
  created_at!: Date;
}
